// `approve` at a terminal: one waiting request after the other, each shown whole, each with a question of its own that goes
// away when somebody else answers or nobody waits any more.
import { toIronError } from '../platform/errors.ts';
import type { Opened, Session } from './command.ts';
import type { ApprovalAnswer, ApprovalEvent, WaitingRequest } from './library.ts';
import { openLinePrompt, type LinePrompt } from './line-prompt.ts';
import { requestRows } from './request-rows.ts';

interface Asked {
  request: WaitingRequest;
  answer: Extract<ApprovalEvent, { event: 'asked' }>['answer'];
  /** Aborts when it is closed; the reason says how. */
  closed: AbortController;
}

type Choice = { answer: ApprovalAnswer; rule?: string } | 'later' | undefined;

const KEYS = '[o]nce  [c]age  [w]ider  [a]lways  [d]eny  [D]eny in this cage  [n]ext';

/** Shows and asks until the cage stops or the input ends. */
export async function answerAtTerminal({ library, context }: Opened, session: Session, name: string): Promise<void> {
  const { output } = session;
  const prompt = openLinePrompt(session.stdin);
  const over = new AbortController();
  const queue: Asked[] = [];
  let wake: (() => void) | undefined;
  const reading = follow();
  output.tell(`requests of ${name} that wait for an answer; Ctrl-C leaves, what waits goes on waiting`);
  try {
    while (!over.signal.aborted) {
      const asked = queue.shift();
      if (asked === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (queue.length > 0 || over.signal.aborted) resolve();
        });
      } else if (!(await answerOne(asked))) return;
    }
  } finally {
    over.abort();
    prompt.close();
    await reading;
  }

  async function follow(): Promise<void> {
    try {
      const known = new Map<string, Asked>();
      for await (const event of library.approvals(context, name, over.signal)) {
        if (event.event === 'asked') {
          const { request } = event;
          const asked: Asked = { request, answer: (...given) => event.answer(...given), closed: new AbortController() };
          known.set(event.request.id, asked);
          queue.push(asked);
        } else {
          known.get(event.id)?.closed.abort(howClosed(event));
          known.delete(event.id);
        }
        wake?.();
      }
      if (!over.signal.aborted) output.tell(`the cage ${name} has stopped`);
    } finally {
      over.abort();
      wake?.();
    }
  }

  /** False when nobody is there to answer any more. */
  async function answerOne(asked: Asked): Promise<boolean> {
    if (asked.closed.signal.aborted) return true;
    output.tell('');
    output.tellTable(requestRows(asked.request));
    const signal = AbortSignal.any([asked.closed.signal, over.signal]);
    const choice = await choose(prompt, session, asked.request, signal);
    if (asked.closed.signal.aborted) {
      output.tell(['yellow', `  ${String(asked.closed.signal.reason)}`]);
      return true;
    }
    if (choice === undefined) return false;
    if (choice === 'later') {
      queue.push(asked);
      if (queue.length === 1) output.tell('  nothing else waits');
      return true;
    }
    try {
      const result = await asked.answer(choice.answer, choice.rule === undefined ? {} : { rule: choice.rule });
      if (!result.ok) output.tell(['yellow', `  ${result.message}`]);
      else output.tell(['green', '  done'], result.rule === undefined ? '' : `: ${result.rule}`);
    } catch (error) {
      const { code, message, hint } = toIronError(error);
      if (code === 'E_BUG') throw error;
      output.tell(['red', `  ${message}`], `; ${hint}`);
      queue.push(asked);
    }
    return true;
  }
}

async function choose(
  prompt: LinePrompt,
  session: Session,
  { rules }: WaitingRequest,
  signal: AbortSignal,
): Promise<Choice> {
  for (;;) {
    session.output.ask(`${KEYS}:`);
    const line = await prompt.next(signal);
    switch (line) {
      case undefined:
        return undefined;
      case 'o':
        return { answer: 'once' };
      case 'c':
        return { answer: 'cage' };
      case 'a':
        return { answer: 'always' };
      case 'd':
        return { answer: 'deny' };
      case 'D':
        return { answer: 'deny-cage' };
      case 'n':
        return 'later';
      case 'w': {
        const rule = await chooseWider(prompt, session, rules.wider, signal);
        if (rule !== undefined) return { answer: 'cage', rule };
        break;
      }
      default:
        session.output.tell('  type one of the letters, then Enter');
    }
  }
}

async function chooseWider(
  prompt: LinePrompt,
  { output }: Session,
  wider: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  output.tellTable(wider.map((rule, index) => [`  ${index + 1}`, rule]));
  output.ask('which rule for this cage? (Enter: none)');
  const line = (await prompt.next(signal)) ?? '';
  return /^[1-9]$/.test(line) ? wider[Number(line) - 1] : undefined;
}

function howClosed({ outcome, by }: Extract<ApprovalEvent, { event: 'closed' }>): string {
  const who = by === undefined ? '' : ` by ${by}`;
  switch (outcome) {
    case 'once':
      return `let pass elsewhere${who}`;
    case 'denied':
      return `refused elsewhere${who}`;
    case 'timeout':
      return 'refused: nobody answered in time';
    case 'gone':
      return 'nobody waits for it any more';
    case 'changed':
      return 'the rules have changed';
    default:
      return outcome satisfies never;
  }
}
