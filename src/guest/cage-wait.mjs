// `cage-wait`: the next message from outside, once there is one.
import { parseArgs } from 'node:util';
import { receive } from './bus-client.mjs';

const USAGE = `usage: cage-wait [--timeout S] [--type TYPE] [--reply-to ID]
Prints the next message from outside as one line of JSON and ends; waits up to S seconds for it (default 7200).
--type: only one of this type; --reply-to: only one that answers the message with this id. Others stay for later.
Prints POLL_TIMEOUT and exits with 1 when none came.`;

try {
  const { values } = parseArgs({
    options: {
      timeout: { type: 'string', default: '7200' },
      type: { type: 'string' },
      'reply-to': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const timeoutMs = Number(values.timeout) * 1000;
  const replyTo = values['reply-to'];
  if (values.help) console.log(USAGE);
  else if (!(timeoutMs >= 0)) throw new Error(`--timeout takes seconds, not ${values.timeout}`);
  else {
    const message = await receive(
      (one) =>
        (values.type === undefined || one.type === values.type) && (replyTo === undefined || one.replyTo === replyTo),
      timeoutMs,
    );
    console.log(message === undefined ? 'POLL_TIMEOUT' : JSON.stringify(message));
    if (message === undefined) process.exitCode = 1;
  }
} catch (error) {
  console.error(`cage-wait: ${error.message}\n${USAGE}`);
  process.exitCode = 2;
}
