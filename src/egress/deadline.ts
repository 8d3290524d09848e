// Time that a client is given to do its part. Then its connection is cut, which ends whatever waits for it.
import type { Socket } from 'node:net';
import { unknownProtocol } from './refusal.ts';

/** Throws a Refusal when `work` was not done in time, whatever it then came to. */
export async function within<T>(timeoutMs: number, socket: Socket, work: () => Promise<T>): Promise<T> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    socket.destroy();
  }, timeoutMs);
  try {
    const result = await work();
    if (isLate) throw tooLate();
    return result;
  } catch (error) {
    throw isLate ? tooLate() : error;
  } finally {
    clearTimeout(timer);
  }
}

function tooLate() {
  return unknownProtocol('the client did not say in time what it speaks');
}
