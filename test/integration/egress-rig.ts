// A whole egress in this process, with real sockets on loopback: origin servers with their own authority, routes to them,
// and listeners as a cage would have them.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAuditWriter } from '../../src/audit/writer.ts';
import { openCa } from '../../src/egress/ca.ts';
import { DEFAULT_LIMITS, type EgressConfig, type EgressLimits, type EgressRoute } from '../../src/egress/config.ts';
import { createEgress, type Egress, type EgressParts } from '../../src/egress/egress.ts';
import { createInspections } from '../../src/egress/inspections.ts';
import { createLeafMint, mintCa } from '../../src/egress/mint.ts';
import { createUserInspectors } from '../../src/egress/user-inspectors.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { InspectionSettings, InspectorNote, Rule } from '../../src/policy/types.ts';
import type { SecretBinding } from '../../src/secrets/types.ts';

export interface RigOptions {
  /** Given the transparent listener's port, which is the destination port of what comes in there. */
  rules?: (port: number) => readonly Rule[];
  bindings?: readonly SecretBinding[];
  secretValues?: Readonly<Record<string, string>>;
  routes?: readonly EgressRoute[];
  limits?: Partial<EgressLimits>;
  audit?: EgressParts['audit'];
  lookup?: EgressParts['lookup'];
  upstreamCaPem?: string;
  inspection?: InspectionSettings;
  parts?: Partial<EgressParts>;
}

export interface Rig {
  egress: Egress;
  config: EgressConfig;
  directory: string;
  caPem: string;
  caFile: string;
  /** Transparent listener: the port is the destination port. */
  port: number;
  proxyPort: number;
  audit(): AuditLine[];
  close(): Promise<void>;
}

export interface AuditLine {
  seq: number;
  protocol: string;
  method: string;
  host: string;
  port: number;
  path: string;
  decision: string;
  rule: string;
  inspectors: readonly InspectorNote[];
  secrets: string[];
  bytesIn: number;
  bytesOut: number;
  end?: { of: number; status: number; outcome: string; detail: string };
}

/** The inspections are the real ones; the others let everything pass and remember nothing: what a test does not speak of. */
const PARTS: Pick<EgressParts, 'inspections' | 'usage' | 'capture' | 'desk'> = {
  inspections: createInspections(createUserInspectors([])),
  usage: {
    of: () => ({ requestsThisMinute: 0, requestsToday: 0, bytesThisMinute: 0, bytesToday: 0 }),
    open: () => ({ out: () => undefined }),
    close: () => Promise.resolve(),
  },
  capture: undefined,
  desk: { hold: () => Promise.resolve({ answer: 'denied', reason: 'nobody answers in this test' }) },
};

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const transparent = await listenOn();
  const proxy = await listenOn();
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-egress-'));
  const upstreamCaFiles: string[] = [];
  if (options.upstreamCaPem !== undefined) {
    upstreamCaFiles.push(join(directory, 'world.pem'));
    writeFileSync(join(directory, 'world.pem'), options.upstreamCaPem);
  }
  const config: EgressConfig = {
    generation: 1,
    policy: {
      mode: 'filtered',
      rules: options.rules?.(portOf(transparent)) ?? [],
      ...(options.inspection === undefined ? {} : { inspection: options.inspection }),
    },
    bindings: options.bindings ?? [],
    secretValues: options.secretValues ?? {},
    routes: options.routes ?? [],
    cage: 'rig',
    caDirectory: directory,
    auditDirectory: directory,
    controlSocket: join(directory, 'control.sock'),
    upstreamCaFiles,
    inspectors: [],
    limits: { ...DEFAULT_LIMITS, ...options.limits },
  };
  const ca = await openCa(directory, 'rig', systemClock);
  const audit = options.audit ?? (await openAuditWriter(directory, 'rig', systemClock));
  const lookup = options.lookup ?? (() => Promise.reject(new Error('no names in this test')));
  const egress = createEgress(config, { ca, audit, lookup, clock: systemClock, ...PARTS, ...options.parts });
  egress.listen('tcp', transparent);
  egress.listen('proxy', proxy);
  await egress.prepare();
  return {
    egress,
    config,
    directory,
    caPem: ca.certificatePem,
    caFile: join(directory, 'ca.pem'),
    port: portOf(transparent),
    proxyPort: portOf(proxy),
    audit: () => readAuditLines(join(directory, 'audit.jsonl')).filter(({ protocol }) => protocol !== 'control'),
    close: () => egress.close(),
  };
}

export function readAuditLines(path: string): AuditLine[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): AuditLine => JSON.parse(line));
}

async function listenOn(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

export function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on TCP');
  return address.port;
}

export interface World {
  caPem: string;
  /** A TLS key and certificate for a name, as its owner in the world would have it. */
  certificate(name: string): Promise<{ key: string; cert: string }>;
}

export async function createWorld(): Promise<World> {
  const ca = await mintCa('world', Date.now());
  const mint = await createLeafMint(ca);
  return {
    caPem: ca.certificatePem,
    async certificate(name) {
      const leaf = await mint.mint(name, false, Date.now());
      return { key: mint.keyPem, cert: leaf.certificatePem };
    },
  };
}

export interface Origin {
  server: HttpServer;
  port: number;
  close(): Promise<void>;
}

export async function startOrigin(world: World | undefined, name: string, handler: RequestListener): Promise<Origin> {
  const server =
    world === undefined ? createHttpServer(handler) : createHttpsServer(await world.certificate(name), handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    port: portOf(server),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export function allow(host: string, more: Partial<Rule> = {}): Rule {
  return { id: `allow:${host}`, effect: 'allow', origin: 'user', host, ...more };
}
