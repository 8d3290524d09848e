// Tools that let an agent in a cage work, look at it, answer it and stop it.
import * as z from 'zod';
import {
  findRun,
  followRun,
  IronError,
  keepReport,
  launchRun,
  listRuns,
  sendMessage,
  stopRun,
  type CageOptions,
} from '../index.ts';
import { CAGE } from './cage-tools.ts';
import { factsOf, linesOf } from './run-lines.ts';
import type { AddTool } from './tool.ts';
import { addWaitTool, RUN } from './wait-tool.ts';

const MAX_LINES = 200;
const RUNS_SHOWN = 20;

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
  addWaitTool(add);
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
