// A short-lived program in the cage's network namespace: opens the listeners there, hands them to its parent over IPC
// and ends when told to. What listener-calls.ts does, where that is not to be had, and for the keeper of a cage that lives. If the parent dies first it fails, and no cage comes to be.
import type { Listener, ListenerRequest } from '../backend.ts';
import { openTcp, openUdp } from './open-sockets.ts';

const DEADLINE_MS = 30_000;

const send = (message: object, handle?: Listener): Promise<void> =>
  new Promise((sent, reject) => {
    const done = (error: Error | null): void => (error === null ? sent() : reject(error));
    // The types of @types/node leave the handle out of the three-argument form; the fourth holds the options.
    if (handle === undefined) process.send?.(message, undefined, {}, done);
    else process.send?.(message, handle, {}, done);
  });

async function open({ purpose, port }: ListenerRequest): Promise<void> {
  const handle = purpose === 'dns-udp' ? await openUdp(port) : await openTcp(port, { pauseOnConnect: true });
  await send({ type: 'listener', purpose, port }, handle);
  // Our copy must not accept what the egress is to answer.
  handle.close();
}

// A parent that died with a handle under way is no `disconnect` for Node: the deadline is longer than any start may take.
process.once('disconnect', () => process.exit(1));
setTimeout(() => process.exit(1), DEADLINE_MS);
process.on('message', (message: { type: 'open'; listeners: readonly ListenerRequest[] } | { type: 'go' }) => {
  if (message.type === 'go') process.exit(0);
  Promise.all(message.listeners.map(open)).then(
    () => send({ type: 'opened' }),
    (error: unknown) => {
      process.stderr.write(`listeners: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
// The parent's process is our shell's keeper: what becomes the cage's monitor later.
void send({ type: 'up', holderPid: process.ppid });
