// The host's side of `watch`: the requests that wait in a running egress, as they come and go. Apart from sendControl,
// which most commands need without this.
import { connect } from 'node:net';
import { IronError } from '../platform/errors.ts';
import { openSocketPath } from '../platform/socket-path.ts';
import { readAskEvent } from './ask-guards.ts';
import type { AskEvent, ControlRequest } from './config.ts';

/** The longest event is one request with a path of 8 KiB. */
const MAX_EVENT_CHARACTERS = 64 * 1024;

/** Ends when the egress does or `signal` aborts. Throws E_EGRESS when nobody is there or the answer has another form. */
export async function* watchControl(
  socketPath: string,
  signal: AbortSignal,
): AsyncGenerator<AskEvent, void, undefined> {
  const request: ControlRequest = { op: 'watch' };
  const { path, release } = openSocketPath(socketPath);
  const socket = connect({ path });
  socket.setEncoding('utf8');
  const stop = (): void => void socket.destroy();
  signal.addEventListener('abort', stop, { once: true });
  let rest = '';
  try {
    if (signal.aborted) return;
    socket.write(`${JSON.stringify(request)}\n`);
    const pieces: AsyncIterable<string> = socket.iterator({ destroyOnReturn: true });
    for await (const piece of pieces) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_EVENT_CHARACTERS) throw unfit();
      for (const line of lines) yield parse(line);
    }
  } catch (error) {
    if (signal.aborted) return;
    throw error instanceof IronError ? error : unreachable(error);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
    release();
  }
}

function parse(line: string): AskEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw unfit();
  }
  const event = readAskEvent(value);
  if (event === undefined) throw unfit();
  return event;
}

function unfit(): IronError {
  return new IronError('E_EGRESS', {
    message: 'the egress of this cage tells of waiting requests in an unknown form',
    hint: 'restart the cage: ironcage restart',
  });
}

function unreachable(cause: unknown): IronError {
  return new IronError('E_EGRESS', {
    message: 'the egress of this cage does not answer',
    hint: 'restart the cage: ironcage restart',
    cause,
  });
}
