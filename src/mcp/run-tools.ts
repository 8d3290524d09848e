// Tools that let an agent in a cage work, watch it, answer it and stop it. A call never lasts longer than a client waits: what is not
// through by then is asked about again.
import * as z from 'zod';
import {
  acknowledge,
  findRun,
  followRun,
  IronError,
  keepReport,
  launchRun,
  listRuns,
  outcomeOf,
  pollMessages,
  sendMessage,
  stopRun,
  type CageOptions,
  type Context,
  type Message,
  type RunInfo,
} from '../index.ts';
import { CAGE } from './cage-tools.ts';
import { linesOf } from './run-lines.ts';
import type { AddTool } from './tool.ts';

/** Whose place in the messages this is: `ironcage outbox` of a person reads them all the same. */
const CONSUMER = 'mcp';

/** Clients give up after some minutes. */
const MAX_WAIT_S = 600;
const DEFAULT_WAIT_S = 50;
const MAX_LINES = 200;
const RUNS_SHOWN = 20;
/** Of one answer; the others come with the next one. */
const MAX_MESSAGES = 100;

const RUN = z.string().describe('id of a run, such as r-20261130-a1b2c3');

/** `options`: of a cage that is made for a run. */
export function addRunTools(add: AddTool, options: CageOptions): void {
  add({
    name: 'launch',
    title: 'Let an agent work in a cage',
    description:
      'Starts an agent in a cage with a prompt and returns at once with the id of the run; `wait` waits for it. The cage of the project is made where there is none. The agent knows nothing but the prompt: name the goal, the files and the checks. With `resume` it goes on with the session of an earlier run.',
    input: z.strictObject({
      cage: z
        .string()
        .optional()
        .describe('name of a cage that is there; default: the one of the project, which is made'),
      agent: z.string().default('claude').describe('claude, codex, gemini, opencode or another profile'),
      prompt: z.string().min(1),
      resume: RUN.optional(),
      model: z.string().optional().describe('as the agent calls it'),
      maxCostUsd: z.number().positive().optional().describe('budget of this run: reaching it stops the run'),
      maxMinutes: z.number().positive().optional(),
    }),
    async call({ cage, agent, prompt, resume, model, maxCostUsd, maxMinutes }, { context, tell }) {
      tell('making the cage ready');
      const run = await launchRun(context, {
        ...{ agent, prompt, resume, model },
        // Options are for a cage that is made; one that is there stays as its user made it.
        ...(cage === undefined && resume === undefined ? { options } : { cage }),
        budget: {
          ...(maxCostUsd === undefined ? {} : { cost: maxCostUsd.toFixed(4) }),
          ...(maxMinutes === undefined ? {} : { time: `${Math.ceil(maxMinutes)}m` }),
        },
      });
      return { facts: { ...factsOf(run), next: `wait with { "run": "${run.id}" }` } };
    },
  });
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
  add({
    name: 'answer',
    title: 'Send a message to the agent in a cage',
    description:
      'Answers what the agent asked, or tells it what to do differently while it works: `answer` for a question, `info_response` for an info_request (with its request_id), `task_revision` for a change of the task. Answer with what you know of the user and the project, never with a secret.',
    input: z.strictObject({
      cage: CAGE,
      type: z.enum(['answer', 'info_response', 'task_revision']),
      text: z.string().min(1),
      requestId: z.string().optional().describe('of the info_request'),
      replyTo: z.string().optional().describe('id of the message that is answered'),
    }),
    async call({ cage, type, text, requestId, replyTo }, { context, ...call }) {
      const name = await call.cage(cage);
      if (type === 'info_response' && requestId === undefined && replyTo === undefined) {
        throw new IronError('E_USAGE', {
          message: 'an info_response says which request it answers',
          hint: 'give requestId, or replyTo with the id of the message',
        });
      }
      const field = { answer: 'text', info_response: 'content', task_revision: 'instructions' }[type];
      const payload = { [field]: text, ...(requestId === undefined ? {} : { request_id: requestId }) };
      const { id, seq } = await sendMessage(context, name, type, payload, { replyTo });
      return { facts: { cage: name, sent: type, id, seq } };
    },
  });
  add({
    name: 'runs',
    title: 'Runs of a cage',
    description: 'The newest runs of a cage with status, exit code, cost and tokens.',
    readOnly: true,
    input: z.strictObject({ cage: CAGE }),
    async call({ cage }, { context, ...call }) {
      const name = await call.cage(cage);
      const runs = await listRuns(context, name);
      return { facts: { cage: name, runs: runs.slice(-RUNS_SHOWN).map(factsOf), all: runs.length } };
    },
  });
  add({
    name: 'logs',
    title: 'What an agent said and did',
    description: 'The last lines of a run; with `whole` all of them in a file that you can read in parts.',
    readOnly: true,
    input: z.strictObject({
      run: RUN,
      lines: z.number().int().min(1).max(MAX_LINES).default(40),
      whole: z.boolean().default(false),
    }),
    async call({ run, lines, whole }, { context }) {
      const record = await findRun(context, run);
      const last: string[] = [];
      for await (const event of followRun(context, run, { once: true })) {
        for (const line of linesOf(event)) last.push(line);
        if (last.length > lines) last.splice(0, last.length - lines);
      }
      const facts = factsOf(record);
      if (!whole) return { facts, fromCage: last.join('\n') };
      const path = await keepReport(context, record.cage, 'log.txt', async (write) => {
        for await (const event of followRun(context, run, { once: true })) {
          const text = linesOf(event, Infinity)
            .map((line) => `${line}\n`)
            .join('');
          if (text !== '' && !(await write(Buffer.from(text)))) return;
        }
      });
      return { facts, fromCage: last.join('\n'), files: [{ path, title: 'the whole log' }] };
    },
  });
  add({
    name: 'stop_run',
    title: 'Stop a run',
    description: 'Ends the agent of a run. Its work stays in the cage.',
    destructive: true,
    input: z.strictObject({ run: RUN }),
    async call({ run }, { context }) {
      return { facts: factsOf(await stopRun(context, run)) };
    },
  });
}

function factsOf({
  id,
  cage,
  agent,
  status,
  exitCode,
  reason,
  costUsd,
  inputTokens,
  outputTokens,
}: RunInfo): Record<string, unknown> {
  return {
    ...{ run: id, cage, agent, status, exitCode },
    ...(reason === null ? {} : { reason }),
    ...{ costUsd, inputTokens, outputTokens },
  };
}

const OUTCOMES: Readonly<Record<number, string>> = { 0: 'complete', 10: 'failed', 11: 'asks', 12: 'idle' };

interface Wait {
  cage: string;
  run: string;
  timeoutMs: number;
  signal: AbortSignal;
}

async function waitFor(context: Context, { cage, run, timeoutMs, signal }: Wait) {
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
