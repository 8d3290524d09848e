// The egress program: the process around createEgress. Started by the host, which sends its configuration and its
// listeners over Node's own IPC and may then go away. A fault that nobody caught ends the process: no egress, no traffic.
import { Socket as UdpSocket } from 'node:dgram';
import { Server, Socket } from 'node:net';
import { openAuditWriter } from '../audit/writer.ts';
import { systemClock } from '../platform/clock.ts';
import { errorMessage } from '../platform/errors.ts';
import type { AnsweringDesk } from './ask-desk.ts';
import { openCa } from './ca.ts';
import { readConfig } from './config-guards.ts';
import type { EgressChildMessage, EgressConfig } from './config.ts';
import type { Egress, EgressParts } from './egress.ts';
import { generationHash } from './generation.ts';
import type { UserInspectors } from './user-inspectors.ts';

const FAILED_EXIT_CODE = 1;
const FAILED_LINGER_MS = 50;
const PREPARE_DELAY_MS = 300;

let starting: Promise<Egress> | undefined;
let users: UserInspectors | undefined;
let isServing = false;
let isEnding = false;
let controlSocket: { close(): void } | undefined;

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
process.on('SIGTERM', () => void end());
process.on('SIGINT', () => void end());
// Once it serves, the egress outlives its parent; before, nobody is left who could finish its start.
process.on('disconnect', () => {
  if (!isServing) process.exit(FAILED_EXIT_CODE);
});
process.on('message', (message: unknown, handle: unknown) => {
  receive(message, handle).catch(fail);
});

async function receive(message: unknown, handle: unknown): Promise<void> {
  const type = typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined;
  switch (type) {
    case 'configure':
      if (starting !== undefined) throw new Error('the egress was configured twice');
      starting = start(
        typeof message === 'object' && message !== null && 'config' in message ? message.config : undefined,
      );
      await starting;
      return;
    case 'listener':
      await listen(message, handle);
      return;
    case 'inspector':
      await connectInspector(message, handle);
      return;
    case 'serve':
      await serve();
      return;
    default:
      throw new Error('the egress was sent a message of an unknown type');
  }
}

async function start(settings: unknown): Promise<Egress> {
  const config = readConfig(settings);
  const [ca, audit] = await Promise.all([
    openCa(config.caDirectory, config.cage, systemClock),
    openAuditWriter(config.auditDirectory, config.cage, systemClock),
  ]);
  // Answered before the rest of the program is loaded: the parent makes the cage meanwhile.
  const { generation } = config;
  tell({ type: 'configured', generation, hash: generationHash(config), caPem: ca.certificatePem });
  const { createEgress } = await import('./egress.ts');
  const { systemLookup } = await import('./resolve.ts');
  const parts = await openParts(config);
  const egress = createEgress(config, { ca, audit, lookup: systemLookup, clock: systemClock, ...parts });
  await openControlSocket(config, egress, parts.desk);
  return egress;
}

/** What looks at traffic, and what remembers it. */
async function openParts({
  auditDirectory,
  inspectors,
}: EgressConfig): Promise<Pick<EgressParts, 'inspections' | 'usage' | 'capture'> & { desk: AnsweringDesk }> {
  const { ASK_LIMITS, createAskDesk } = await import('./ask-desk.ts');
  const { CAPTURE_LIMITS, createCapture } = await import('./capture-log.ts');
  const { createInspections } = await import('./inspections.ts');
  const { createUserInspectors } = await import('./user-inspectors.ts');
  const userInspectors = createUserInspectors(inspectors);
  users = userInspectors;
  const { createUsageBook } = await import('./usage-book.ts');
  return {
    inspections: createInspections(userInspectors),
    usage: createUsageBook(auditDirectory, systemClock),
    capture: await createCapture(auditDirectory, CAPTURE_LIMITS, systemClock),
    desk: createAskDesk(ASK_LIMITS, { now: () => systemClock.now(), after }),
  };
}

function after(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

async function openControlSocket(config: EgressConfig, egress: Egress, desk: AnsweringDesk): Promise<void> {
  const { openControl } = await import('./control.ts');
  controlSocket = await openControl(config.controlSocket, {
    status: () => egress.status(),
    apply(generation) {
      egress.apply(generation);
      desk.settingsChanged();
    },
    // After the answer is on its way.
    stop: () => void setImmediate(() => void end()),
    desk,
  });
}

/** Takes over a listener at once: what connects before `serve` is answered as well, by the same rules. */
async function listen(message: unknown, handle: unknown): Promise<void> {
  const purpose = typeof message === 'object' && message !== null && 'purpose' in message ? message.purpose : undefined;
  const isGate = typeof message === 'object' && message !== null && 'isGate' in message && message.isGate === true;
  const egress = await configured();
  switch (purpose) {
    case 'tcp':
    case 'proxy':
    case 'dns-tcp':
      if (!(handle instanceof Server)) throw new Error('a listener came without its server');
      egress.listen(purpose, handle, isGate);
      return;
    case 'dns-udp':
      if (!(handle instanceof UdpSocket)) throw new Error('a listener came without its socket');
      egress.listenUdp(handle);
      return;
    default:
      throw new Error('a listener has an unknown purpose');
  }
}

async function connectInspector(message: unknown, handle: unknown): Promise<void> {
  await configured();
  const name = typeof message === 'object' && message !== null && 'name' in message ? message.name : undefined;
  if (users === undefined || typeof name !== 'string' || !(handle instanceof Socket)) {
    throw new Error('an inspector came without its name or its socket');
  }
  users.connect(name, handle);
}

async function serve(): Promise<void> {
  const egress = await configured();
  if (users === undefined) throw new Error('the egress is not configured yet');
  await users.ready();
  isServing = true;
  const { generation, hash } = egress.status();
  tell({ type: 'serving', generation, hash });
  // Not at once: the cage is being made at this moment, and the certificate library would take a processor from it.
  setTimeout(() => void egress.prepare().catch(fail), PREPARE_DELAY_MS);
}

function configured(): Promise<Egress> {
  if (starting === undefined) throw new Error('the egress is not configured yet');
  return starting;
}

/** The parent may be gone: then there is nobody to tell. */
function tell(message: EgressChildMessage): void {
  if (process.connected) process.send?.(message, () => undefined);
}

async function end(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  controlSocket?.close();
  try {
    await (await starting)?.close();
  } catch (error) {
    fail(error);
    return;
  }
  process.exit(0);
}

function fail(error: unknown): void {
  const message = errorMessage(error);
  process.exitCode = FAILED_EXIT_CODE;
  process.stderr.write(`ironcage egress: ${message}\n`);
  tell({ type: 'failed', message });
  // Time for the message to leave; a parent that does not read must not keep a broken egress alive.
  setTimeout(() => process.exit(FAILED_EXIT_CODE), FAILED_LINGER_MS);
}
