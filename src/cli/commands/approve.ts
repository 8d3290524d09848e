// `approve`: requests held by `--net ask`, shown and answered: at a terminal one by one, or by their ids for scripts.
import type { Command, Invocation, Opened, Session } from '../command.ts';
import type { ApprovalAnswer } from '../library.ts';
import { requestRows } from '../request-rows.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

/** Options that answer, what they answer, and what that is for people. */
const ANSWERS: readonly (readonly [option: string, answer: ApprovalAnswer, summary: string])[] = [
  ['once', 'once', 'let this request pass, and nothing else'],
  ['for-cage', 'cage', 'add a rule of this cage that lets it pass from now on'],
  ['always', 'always', 'the same, and for every cage that is made from now on'],
  ['deny', 'deny', 'refuse this request'],
  ['deny-for-cage', 'deny-cage', 'add a deny rule of this cage'],
];
const ANSWER_OPTIONS = ANSWERS.map(([option]) => option);

export const approve: Command = {
  kind: 'command',
  name: 'approve',
  summary: 'answer requests that wait under --net ask',
  notes: [
    'At a terminal each request is shown with the process that asks and what each answer would change. No answer in time is a no.',
    'What waits goes on waiting when this command ends, and the first answer counts wherever it comes from.',
    'With --json one document a line as requests come and go. Exit code 1: the id does not wait any more.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'list', conflicts: ANSWER_OPTIONS, summary: 'only show what waits now' },
    ...ANSWERS.map(([name, , summary]) => ({
      name,
      value: 'ID',
      conflicts: ANSWER_OPTIONS.filter((option) => option !== name),
      summary,
    })),
    { name: 'rule', value: 'RULE', summary: 'with --for-cage or --always: this rule instead of the narrowest' },
  ],
  examples: [
    { line: 'ironcage approve', does: 'show and answer what the cage of this project asks' },
    { line: 'ironcage approve shop --json', does: 'watch from a script' },
    { line: 'ironcage approve shop --once 4f1c09aa31be', does: 'let one request pass' },
  ],
  handler: async (invocation, session) => {
    const chosen = readAnswer(invocation);
    const opened = await session.open();
    const name = await targetCage(opened, session, invocation.word('CAGE'));
    if (chosen !== undefined) return answerOne(opened, session, name, chosen);
    if (invocation.flags.on('list')) return list(opened, session, name);
    if (session.output.json) return stream(opened, session, name);
    if (!session.interactive) {
      throw usageError('there is no terminal to ask at', {
        hint: 'use --json to watch, --list to look, and --once ID or --deny ID to answer',
      });
    }
    const { answerAtTerminal } = await import('../approve-session.ts');
    await answerAtTerminal(opened, session, name);
    return 0;
  },
};

interface Chosen {
  id: string;
  answer: ApprovalAnswer;
  rule: string | undefined;
}

function readAnswer({ flags }: Invocation): Chosen | undefined {
  const rule = flags.text('rule');
  for (const [option, answer] of ANSWERS) {
    const id = flags.text(option);
    if (id === undefined) continue;
    if (rule !== undefined && answer !== 'cage' && answer !== 'always') break;
    return { id, answer, rule };
  }
  if (rule === undefined) return undefined;
  throw usageError('--rule goes with --for-cage or --always', { hint: 'name the request: --for-cage ID --rule RULE' });
}

async function answerOne(
  { library, context }: Opened,
  { output }: Session,
  name: string,
  { id, answer, rule }: Chosen,
): Promise<number> {
  const result = await library.answerRequest(context, name, id, answer, rule === undefined ? {} : { rule });
  if (output.json) output.document({ cage: name, id, ...result });
  else if (result.ok)
    output.line(`${name}: answered`, result.rule === undefined ? '' : ` with the rule ${result.rule}`);
  else output.line(['yellow', result.message]);
  return result.ok ? 0 : 1;
}

async function list({ library, context }: Opened, { output }: Session, name: string): Promise<number> {
  const waiting = await library.waitingRequests(context, name);
  if (output.json) output.document(waiting);
  else if (waiting.length === 0) output.note('nothing waits for an answer');
  for (const request of output.json ? [] : waiting) {
    output.table(requestRows(request));
    output.line('');
  }
  return 0;
}

async function stream({ library, context }: Opened, { output }: Session, name: string): Promise<number> {
  for await (const event of library.approvals(context, name, output.gone)) {
    if (event.event === 'asked') await output.record({ event: 'asked', request: event.request });
    else await output.record(event);
  }
  return 0;
}
