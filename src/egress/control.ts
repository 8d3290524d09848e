// The control socket: how the host changes the settings of a running egress, asks how it is, and answers what waits for a
// person. One JSON request per line, one JSON answer per line; `watch` is answered with events without end. It lies in a
// directory that only the host's user can enter; the cage never sees it.
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { errorMessage, systemErrorCode } from '../platform/errors.ts';
import { openSocketPath } from '../platform/socket-path.ts';
import type { AnsweringDesk } from './ask-desk.ts';
import type { AskEvent, ControlAnswer, EgressGeneration } from './config.ts';
import { readControlRequest } from './control-request.ts';
import type { EgressStatus } from './egress.ts';

export interface Controlled {
  status(): EgressStatus;
  apply(generation: EgressGeneration): void;
  /** Begins to stop; the answer is sent before that is over. */
  stop(): void;
  desk: Pick<AnsweringDesk, 'list' | 'answer' | 'watch'>;
}

/** Holds a policy of tens of thousands of rules. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
/** What a watcher may leave unread; one that is that far behind is cut off and may begin anew. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

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
    for (let end = rest.indexOf(0x0a); end !== -1 && !socket.writableEnded; end = rest.indexOf(0x0a)) {
      const line = Buffer.concat([...pieces, rest.subarray(0, end)]).toString('utf8');
      pieces = [];
      pendingBytes = 0;
      rest = rest.subarray(end + 1);
      respond(socket, line, controlled);
    }
    if (socket.writableEnded) return;
    pendingBytes += rest.length;
    if (rest.length > 0) pieces.push(rest);
    if (pendingBytes <= MAX_REQUEST_BYTES) return;
    pieces = [];
    socket.end(lineOf(failure('the request is too long', controlled)));
  });
}

function respond(socket: Socket, line: string, controlled: Controlled): void {
  try {
    const request = readControlRequest(line);
    const success = () => ({ ok: true as const, pid: process.pid, ...controlled.status() });
    switch (request.op) {
      case 'status':
        return send(socket, success());
      case 'apply':
        controlled.apply(request.generation);
        return send(socket, success());
      case 'stop':
        controlled.stop();
        return send(socket, success());
      case 'asks':
        return send(socket, { ...success(), asks: controlled.desk.list() });
      case 'answer': {
        const outcome = controlled.desk.answer(request.id, request.answer, request.by);
        return send(socket, outcome.ok ? success() : failure(outcome.message, controlled));
      }
      case 'watch':
        return watch(socket, controlled);
      default:
        request satisfies never;
        throw new Error('the request has an unknown operation');
    }
  } catch (error) {
    send(socket, failure(errorMessage(error), controlled));
  }
}

function watch(socket: Socket, { desk }: Controlled): void {
  const tell = (event: AskEvent): void => {
    if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
    else if (socket.writable) socket.write(lineOf(event));
  };
  const stop = desk.watch(tell);
  socket.once('close', stop);
  for (const ask of desk.list()) tell({ event: 'asked', ask });
  tell({ event: 'ready' });
  // Whoever watches has nothing more to say on this connection.
  socket.removeAllListeners('data');
  socket.on('data', () => socket.destroy());
}

function send(socket: Socket, answer: ControlAnswer): void {
  socket.write(lineOf(answer));
}

function failure(message: string, controlled: Controlled): ControlAnswer {
  const { generation, hash } = controlled.status();
  return { ok: false, message, generation, hash };
}

function lineOf(value: ControlAnswer | AskEvent): string {
  return `${JSON.stringify(value)}\n`;
}
