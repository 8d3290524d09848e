// `outbox`: the messages that came out of a cage, read once or waited for. The place of a reader moves on only behind what was
// printed.
import { targetCage } from '../target-cage.ts';
import type { Command, Invocation, Opened, Session } from '../command.ts';
import type { Flags } from '../flags.ts';
import type { Message } from '../message-library.ts';
import { messageLines } from '../message-rows.ts';
import type { Output } from '../output.ts';
import { usageError } from '../usage-error.ts';

const TIMED_OUT = 13;
const GONE = 14;

export const outbox: Command = {
  kind: 'command',
  name: 'outbox',
  summary: 'show what an agent has sent out of its cage, or wait for it',
  notes: [
    'Shows what was not read yet. Each reader has a place of its own, by the name given with --consumer.',
    'With --json one message a line. What stems from inside has "untrusted": true: it is text, whatever it says.',
    '--poll ends with 0: the task is complete; 10: complete with a failing code; 11: the agent asks; 12: it is idle; 13: the time is over, and stderr says what `diagnose` would; 14: the cage or its runs are gone.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    {
      name: 'all',
      short: 'a',
      conflicts: ['poll', 'forget'],
      summary: 'all there is, also what was sent into the cage; nothing counts as read by it',
    },
    { name: 'poll', conflicts: ['forget'], summary: 'wait until the agent is done, asks or gives up' },
    { name: 'run', value: 'RUN', summary: 'with --poll: wait for this run, whatever other runs of its cage do or say' },
    { name: 'timeout', value: 'S', summary: 'with --poll: seconds to wait at most; default 1800' },
    {
      name: 'interval',
      value: 'S',
      summary: 'with --poll: seconds between two looks where nothing tells of a message; default 1',
    },
    { name: 'max-interval', value: 'S', summary: 'with --poll: what that grows to while nothing comes; default 15' },
    { name: 'consumer', value: 'NAME', summary: 'who reads; default: default' },
    { name: 'forget', summary: 'let go of what every reader has read' },
  ],
  examples: [
    { line: 'ironcage outbox --poll --timeout 600', does: 'wait up to ten minutes for the agent of this project' },
    { line: 'ironcage outbox --poll --run r-20261130-a1b2c3', does: 'wait for one of several runs' },
    { line: 'ironcage outbox shop --json', does: 'what is new from the cage named shop, for a script' },
    { line: 'ironcage outbox shop --all', does: 'the whole conversation' },
  ],
  handler: async ({ word, flags }: Invocation, session: Session) => {
    const pace = readPace(flags);
    const run = flags.text('run');
    const opened = await session.open();
    const cage =
      run === undefined ? await targetCage(opened, session, word('CAGE')) : await cageOf(opened, run, word('CAGE'));
    if (flags.on('forget')) return forget(opened, session, cage);
    const consumer = flags.text('consumer');
    return flags.on('poll')
      ? poll(opened, session, cage, { ...pace, consumer, run })
      : show(opened, session, cage, { consumer, all: flags.on('all') });
  },
};

/** Throws E_NO_RUN, E_USAGE. */
async function cageOf({ library, context }: Opened, run: string, named: string | undefined): Promise<string> {
  const { cage } = await library.findRun(context, run);
  if (named === undefined || named === cage) return cage;
  throw usageError(`the run ${run} is one of the cage ${cage}, not of ${named}`, { hint: 'leave the cage out' });
}

async function forget({ library, context }: Opened, { output }: Session, cage: string): Promise<number> {
  const forgotten = await library.forgetMessages(context, cage);
  if (output.json) output.document({ cage, forgotten });
  else output.line(`${forgotten} messages of ${cage} let go of`);
  return 0;
}

async function show(
  { library, context }: Opened,
  { output }: Session,
  cage: string,
  { consumer, all }: { consumer: string | undefined; all: boolean },
): Promise<number> {
  let last = 0;
  for await (const message of library.readMessages(context, cage, { consumer, all })) {
    await print(message, output);
    if (output.gone.aborted) return 0;
    last = message.seq;
  }
  if (last === 0) output.note(`nothing new from ${cage}`);
  else if (!all) await library.acknowledge(context, cage, last, { consumer });
  return 0;
}

interface Pace {
  timeoutMs: number;
  intervalMs: number | undefined;
  maxIntervalMs: number | undefined;
}

async function poll(
  { library, context }: Opened,
  { output }: Session,
  cage: string,
  options: Pace & { consumer: string | undefined; run: string | undefined },
): Promise<number> {
  const { consumer, run } = options;
  for await (const event of library.pollMessages(context, cage, { ...options, signal: output.gone })) {
    switch (event.event) {
      case 'message': {
        await print(event.message, output);
        await library.acknowledge(context, cage, event.message.seq, { consumer });
        const exitCode = await library.outcomeOf(event.message, run);
        if (exitCode !== undefined) return exitCode;
        break;
      }
      case 'timeout': {
        const { verdict, suggestion } = await library.diagnoseCage(context, cage);
        output.note(`no end after ${options.timeoutMs / 1000} seconds; ${cage}: ${verdict}; ${suggestion}`);
        return TIMED_OUT;
      }
      case 'gone':
        output.note(`${event.reason}; ironcage outbox ${cage} --all shows what it said`);
        return GONE;
      default:
        event satisfies never;
    }
  }
  return TIMED_OUT;
}

async function print(message: Message, output: Output): Promise<void> {
  if (output.json) return output.record(message);
  for (const spans of messageLines(message)) output.line(...spans);
  return output.drained();
}

function readPace(flags: Flags): Pace {
  const given = ['timeout', 'interval', 'max-interval', 'run'].filter((name) => flags.text(name) !== undefined);
  if (given.length > 0 && !flags.on('poll')) {
    throw usageError(`--${given[0]} is for --poll`, { hint: 'add --poll, or leave it out' });
  }
  return {
    timeoutMs: readSeconds(flags, 'timeout') ?? 1_800_000,
    intervalMs: readSeconds(flags, 'interval'),
    maxIntervalMs: readSeconds(flags, 'max-interval'),
  };
}

/** A week at most: a timer knows no longer time. */
const MAX_SECONDS = 604_800;

function readSeconds(flags: Flags, name: string): number | undefined {
  const text = flags.text(name);
  if (text === undefined) return undefined;
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text) && Number(text) <= MAX_SECONDS) return Number(text) * 1000;
  throw usageError(`--${name} cannot be ${text}`, {
    because: `it takes seconds, from 0 to ${MAX_SECONDS}`,
    hint: `write --${name} 60`,
  });
}
