// The control socket: how the host changes the settings of a running egress and asks how it is. One JSON request per line,
// one JSON answer per line. It lies in a directory that only the host's user can enter; the cage never sees it.
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { errorMessage, systemErrorCode } from '../platform/errors.ts';
import { readGeneration } from './config-guards.ts';
import type { ControlAnswer } from './config.ts';
import type { EgressStatus } from './egress.ts';
import { openSocketPath } from './socket-path.ts';

export interface Controlled {
  status(): EgressStatus;
  apply(generation: ReturnType<typeof readGeneration>): void;
  /** Begins to stop; the answer is sent before that is over. */
  stop(): void;
}

/** Holds a policy of tens of thousands of rules. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

export async function openControl(socketPath: string, controlled: Controlled): Promise<Server> {
  const { path, release } = openSocketPath(socketPath);
  try {
    removeStaleSocket(path);
    const server = createServer((socket) => serveControl(socket, controlled));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    chmodSync(path, 0o600);
    return server;
  } finally {
    release();
  }
}

/** A killed egress leaves its socket behind; anything else at this place is left alone, and listening fails. */
function removeStaleSocket(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}

function serveControl(socket: Socket, controlled: Controlled): void {
  let pieces: Buffer[] = [];
  let pendingBytes = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    let rest = bytes;
    for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
      const line = Buffer.concat([...pieces, rest.subarray(0, end)]).toString('utf8');
      pieces = [];
      pendingBytes = 0;
      rest = rest.subarray(end + 1);
      socket.write(`${JSON.stringify(answer(line, controlled))}\n`);
    }
    pendingBytes += rest.length;
    if (rest.length > 0) pieces.push(rest);
    if (pendingBytes > MAX_REQUEST_BYTES) socket.destroy();
  });
}

function answer(line: string, controlled: Controlled): ControlAnswer {
  try {
    perform(JSON.parse(line), controlled);
    return { ok: true, pid: process.pid, ...controlled.status() };
  } catch (error) {
    // The parser's own message would quote what it could not parse, which may hold secrets.
    const message = error instanceof SyntaxError ? 'the request is not JSON' : errorMessage(error);
    const { generation, hash } = controlled.status();
    return { ok: false, message, generation, hash };
  }
}

function perform(request: unknown, controlled: Controlled): void {
  const op = typeof request === 'object' && request !== null && 'op' in request ? request.op : undefined;
  switch (op) {
    case 'status':
      return;
    case 'apply': {
      const generation =
        typeof request === 'object' && request !== null && 'generation' in request ? request : undefined;
      controlled.apply(readGeneration(generation?.generation));
      return;
    }
    case 'stop':
      controlled.stop();
      return;
    default:
      throw new Error('the request has an unknown operation');
  }
}
