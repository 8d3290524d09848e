// The host's side of the control socket: one request, one answer. Imported by the host's own rooms; opens nothing of the
// egress's inside.
import { connect } from 'node:net';
import { errorMessage, IronError, systemErrorCode } from '../platform/errors.ts';
import { whenLate } from '../platform/patience.ts';
import { openSocketPath } from '../platform/socket-path.ts';
import { readHeldRequests } from './ask-guards.ts';
import type { ControlAnswer, ControlRequest } from './config.ts';

/** The longest answer lists the requests that wait, each with its path; whatever is longer is none. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

/** Sends one request to a running egress. Throws E_EGRESS when there is no answer within `timeoutMs`. */
export async function sendControl(
  socketPath: string,
  request: ControlRequest,
  timeoutMs = 5000,
): Promise<ControlAnswer> {
  let line: string;
  try {
    line = await askOnce(socketPath, `${JSON.stringify(request)}\n`, timeoutMs);
  } catch (error) {
    throw noAnswer(systemErrorCode(error) ?? errorMessage(error), error);
  }
  const answer = parseAnswer(line);
  if (answer === undefined) throw noAnswer('its answer has an unknown form', undefined);
  return answer;
}

function askOnce(socketPath: string, line: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const { path, release } = openSocketPath(socketPath);
    const socket = connect({ path });
    let text = '';
    const inTime = whenLate(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(line));
    socket.on('data', (piece: string) => {
      text += piece;
      const end = text.indexOf('\n');
      if (end !== -1) {
        resolve(text.slice(0, end));
        socket.destroy();
      } else if (text.length > MAX_ANSWER_BYTES) socket.destroy(new Error('the answer is too long'));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      inTime();
      release();
      reject(new Error('the egress closed the connection without an answer'));
    });
  });
}

function parseAnswer(line: string): ControlAnswer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields: Record<string, unknown> = Object.fromEntries(Object.entries(value));
  const { ok, generation, hash, message, pid, connections, requests, refused } = fields;
  if (typeof generation !== 'number' || typeof hash !== 'string') return undefined;
  if (ok === false && typeof message === 'string') return { ok, message, generation, hash };
  if (ok !== true || typeof pid !== 'number' || typeof connections !== 'number') return undefined;
  if (typeof requests !== 'number' || typeof refused !== 'number') return undefined;
  const answer: ControlAnswer = { ok, generation, hash, pid, connections, requests, refused };
  if (fields['asks'] === undefined) return answer;
  const asks = readHeldRequests(fields['asks']);
  return asks === undefined ? undefined : { ...answer, asks };
}

function noAnswer(because: string, cause: unknown): IronError {
  return new IronError('E_EGRESS', {
    message: 'the egress of this cage does not answer',
    because,
    hint: 'restart the cage: ironcage restart',
    cause,
  });
}
