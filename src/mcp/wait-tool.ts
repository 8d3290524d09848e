// The tool that waits for a run: until its agent is through, asks, or falls silent. A call never lasts longer than a client waits: what is
// not through by then is asked about again.
import * as z from 'zod';
import {
  acknowledge,
  findRun,
  followRun,
  keepReport,
  outcomeOf,
  pollMessages,
  type Context,
  type Message,
} from '../index.ts';
import type { Answer } from './answer.ts';
import { factsOf, linesOf } from './run-lines.ts';
import type { AddTool } from './tool.ts';

/** Whose place in the messages this is: `ironcage outbox` of a person reads them all the same. */
const CONSUMER = 'mcp';

/** Clients give up after some minutes. */
const MAX_WAIT_S = 600;
const DEFAULT_WAIT_S = 50;
/** Of one answer; the others come with the next one. */
const MAX_MESSAGES = 100;

export const RUN = z.string().describe('id of a run, such as r-20261130-a1b2c3');

export function addWaitTool(add: AddTool): void {
  add({
    name: 'wait',
    title: 'Wait for a run, or for what its agent says',
    description:
      'Waits until the agent is through, asks something, falls silent or the time is over, and tells its messages. `outcome` is complete, failed, asks, idle, ended (the run ended without a message), gone, or working: then call it again.',
    input: z.strictObject({
      run: RUN,
      timeoutSeconds: z.number().int().min(1).max(MAX_WAIT_S).default(DEFAULT_WAIT_S),
    }),
    async call({ run, timeoutSeconds }, { context, signal, tell }) {
      const { cage } = await findRun(context, run);
      const ended = new AbortController();
      const told = followProgress(context, run, AbortSignal.any([signal, ended.signal]), tell);
      try {
        return await waitFor(context, { cage, run, timeoutMs: timeoutSeconds * 1000, signal });
      } finally {
        ended.abort();
        await told;
      }
    },
  });
}

const OUTCOMES: Readonly<Record<number, string>> = { 0: 'complete', 10: 'failed', 11: 'asks', 12: 'idle' };

interface Wait {
  cage: string;
  run: string;
  timeoutMs: number;
  signal: AbortSignal;
}

async function waitFor(context: Context, { cage, run, timeoutMs, signal }: Wait): Promise<Answer> {
  const messages: Message[] = [];
  let outcome = 'working';
  for await (const event of pollMessages(context, cage, {
    ...{ consumer: CONSUMER, run, timeoutMs, maxIntervalMs: 2_000, signal },
  })) {
    if (event.event !== 'message') {
      if (event.event === 'gone') outcome = 'ended';
      break;
    }
    // What another run of the cage says is told, and ends no waiting for this one.
    messages.push(event.message);
    const code = await outcomeOf(event.message, run);
    if (code !== undefined) {
      outcome = OUTCOMES[code] ?? 'gone';
      break;
    }
    if (messages.length >= MAX_MESSAGES) break;
  }
  const record = await findRun(context, run).catch(() => undefined);
  if (record === undefined) return { facts: { run, cage, outcome: 'gone' } };
  const text = messages.map(messageLine).join('\n');
  const path =
    messages.length === 0
      ? undefined
      : await keepReport(context, cage, 'message.txt', (write) => write(Buffer.from(text)));
  const last = messages.at(-1);
  if (last !== undefined) await acknowledge(context, cage, last.seq, { consumer: CONSUMER });
  return {
    facts: { ...factsOf(record), outcome, messages: messages.length },
    fromCage: text,
    ...(path === undefined ? {} : { files: [{ path, title: 'these messages, whole' }] }),
  };
}

function messageLine({ id, type, from, payload }: Message): string {
  return `${type} (${from}, id ${id}): ${JSON.stringify(payload)}`;
}

/** Each step of the agent as a line of progress. */
async function followProgress(
  context: Context,
  run: string,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<void> {
  const since = new Date(context.clock.now()).toISOString();
  try {
    for await (const event of followRun(context, run, { signal })) {
      if (event.time >= since) for (const line of linesOf(event)) tell(`from the cage: ${line}`);
    }
  } catch {
    // Waiting goes on without it.
  }
}
