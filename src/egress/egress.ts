// The egress of one cage, without the process around it: what comes in on its listeners, and one settled way to change its
// settings. All composition of the room happens here.
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import type { Clock } from '../platform/clock.ts';
import { IronError } from '../platform/errors.ts';
import type { AskDesk } from './ask-desk.ts';
import type { Capture } from './capture.ts';
import type { EgressConfig, EgressGeneration, ListenerPurpose } from './config.ts';
import { converse, type ConversationServices } from './conversation.ts';
import { createDial } from './dial.ts';
import { serveDnsTcp, serveDnsUdp } from './dns-server.ts';
import type { Inspections } from './inspection.ts';
import { createJournal, type AuditSink } from './journal.ts';
import { createLeafContexts } from './leaf.ts';
import type { KeyAndCertificate } from './mint.ts';
import { createNameRecords } from './name-records.ts';
import { endsOf, readProxyHeader, type ConnectionEnds } from './proxy-header.ts';
import { createResolver, type Lookup } from './resolve.ts';
import { createSettings } from './settings.ts';
import { createSyntheticNames } from './synthetic-names.ts';
import { createUpstreams } from './upstream.ts';
import type { UsageBook } from './usage.ts';

export interface EgressParts {
  ca: KeyAndCertificate;
  audit: AuditSink;
  lookup: Lookup;
  clock: Clock;
  inspections: Inspections;
  usage: UsageBook;
  /** Undefined: nothing is kept for people to look at. */
  capture: Capture | undefined;
  desk: AskDesk;
}

type StreamPurpose = Exclude<ListenerPurpose, 'dns-udp'>;

export interface EgressStatus {
  generation: number;
  hash: string;
  connections: number;
  requests: number;
  refused: number;
}

export interface Egress {
  /** Answers on a listener from now on. */
  /** `isGate`: its connections come from a gate, with a PROXY line ahead. */
  listen(purpose: StreamPurpose, server: Server, isGate?: boolean): void;
  listenUdp(socket: UdpSocket): void;
  /** Loads what the first request needs, ahead of it. */
  prepare(): Promise<void>;
  /** Takes the next generation whole, or throws E_EGRESS and keeps the one there is. */
  apply(generation: EgressGeneration): void;
  status(): EgressStatus;
  /** Stops to accept, cuts what is open, and closes the audit once every end is written. */
  close(): Promise<void>;
}

/** Time for conversations to record their ends after they were cut. */
const CLOSE_MS = 1000;

export function createEgress(config: EgressConfig, parts: EgressParts): Egress {
  const { limits } = config;
  let settings = createSettings(config);
  const counters = { requests: 0, refused: 0, streams: 0 };
  const names = createSyntheticNames((name) => settings.policy.rules.some(({ host }) => host === name));
  const journal = createJournal(parts.audit, {
    text: (value) => settings.redactor().text(value),
    name: (value) => settings.redactor().name(value),
  });
  const nameRecords = createNameRecords({ journal, policy: () => settings.policy, now: () => parts.clock.now() });
  const nameSource = { addressOf: names.addressOf, asked: nameRecords.asked };
  const services: ConversationServices = {
    settings: () => settings,
    journal,
    limits,
    counters,
    names,
    leaves: createLeafContexts(parts.ca, parts.clock),
    upstreams: createUpstreams({
      dial: createDial({
        resolver: createResolver(parts.lookup, () => performance.now()),
        caFiles: config.upstreamCaFiles,
        dialTimeoutMs: limits.dialTimeoutMs,
      }),
      limits,
    }),
    inspections: parts.inspections,
    usage: parts.usage,
    capture: parts.capture,
    desk: parts.desk,
    now: () => parts.clock.now(),
  };
  void journal.control('<egress>', `start, ${nameOf(settings)}`);
  const open = new Map<Socket, Promise<void>>();
  const servers: Server[] = [];
  const udpSockets: UdpSocket[] = [];
  let isFlooded = false;

  function accept(socket: Socket, purpose: StreamPurpose, isGate: boolean): void {
    if (open.size >= limits.maxConnections) {
      refuseConnection(socket);
      return;
    }
    isFlooded = false;
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const conversation = isGate ? throughGate(socket, purpose) : begin(socket, purpose, endsOf(socket));
    open.set(
      socket,
      Promise.all([closed, conversation]).then(() => undefined),
    );
    void closed.then(() => open.delete(socket));
  }

  async function begin(socket: Socket, purpose: StreamPurpose, ends: ConnectionEnds): Promise<void> {
    if (purpose === 'dns-tcp') serveDnsTcp(socket, nameSource);
    else await converse(socket, purpose, ends, services);
  }

  async function throughGate(socket: Socket, purpose: StreamPurpose): Promise<void> {
    socket.on('error', () => undefined);
    let ends: ConnectionEnds;
    try {
      ends = await readProxyHeader(socket);
    } catch {
      counters.refused += 1;
      socket.destroy();
      return;
    }
    await begin(socket, purpose, ends);
  }

  /** One record for a flood, not one per drop of it: the audit must not be flooded in turn. */
  function refuseConnection(socket: Socket): void {
    socket.on('error', () => undefined);
    socket.destroy();
    counters.refused += 1;
    if (isFlooded) return;
    isFlooded = true;
    const reason = `more than ${limits.maxConnections} connections at a time`;
    void journal.deny({ protocol: 'tcp', method: '', host: '', port: socket.localPort ?? 0, path: '' }, '<limit>', [
      { name: 'egress', action: 'deny', reason },
    ]);
  }

  return {
    listen(purpose, server, isGate = false) {
      servers.push(server);
      server.on('connection', (socket) => accept(socket, purpose, isGate));
    },
    listenUdp(socket) {
      udpSockets.push(socket);
      serveDnsUdp(socket, nameSource);
    },
    prepare: () => services.leaves.prepare(),
    apply(generation) {
      if (generation.generation <= settings.generation) {
        throw new IronError('E_EGRESS', {
          message: `generation ${generation.generation} is not newer than ${settings.generation}`,
          hint: 'another command changed the settings; run this one again',
        });
      }
      settings = createSettings({ ...generation, secretValues: carryValues(settings, generation) });
      void journal.control('<policy>', nameOf(settings));
      services.upstreams.closeIdle();
    },
    status: () => ({
      generation: settings.generation,
      hash: settings.hash,
      connections: open.size,
      requests: counters.requests,
      refused: counters.refused,
    }),
    async close() {
      for (const server of servers) server.close();
      for (const socket of udpSockets) socket.close();
      const conversations = [...open.values()];
      for (const socket of open.keys()) socket.destroy();
      services.upstreams.closeIdle();
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([Promise.allSettled(conversations), timeout]);
      clearTimeout(timer);
      await Promise.all([parts.usage.close(), parts.capture?.close()]);
      await nameRecords.close();
      await journal.control('<egress>', 'stop');
      await journal.close();
    },
  };
}

/** As it stands in the record of what happened to the egress. */
function nameOf({ generation, hash }: { generation: number; hash: string }): string {
  return `generation ${generation} ${hash}`;
}

/** The values of a new generation, with those of the present one for secrets that it still binds and does not mention. */
function carryValues(present: EgressGeneration, next: EgressGeneration): Readonly<Record<string, string>> {
  const kept = next.bindings
    .map(({ name }) => name)
    .filter((name) => Object.hasOwn(present.secretValues, name) && next.withdrawnSecrets?.includes(name) !== true);
  const carried = Object.fromEntries(kept.map((name) => [name, present.secretValues[name] ?? '']));
  return { ...carried, ...next.secretValues };
}
