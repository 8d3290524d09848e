// Requests that wait for a person's answer (`--net ask`). Bounded in number, time and pace, and every bound is a no. The
// questions live here, in the egress: whoever watches may come and go. Must never let pass what nobody was shown.
import { randomBytes } from 'node:crypto';
import type { InspectorNote } from '../policy/types.ts';
import { createPace } from './ask-pace.ts';
import type { AskEvent, HeldRequest } from './config.ts';
import { isShowable, questionKey, viewQuestion, type Question } from './question.ts';

/**
 * `once`: this request may pass. `changed`: the settings are others now, judge again. `denied`: no, by a person, by time or by
 * number. `note`: who said so, for the record.
 */
export type Answer =
  | { answer: 'once'; note?: InspectorNote | undefined }
  | { answer: 'changed' }
  | { answer: 'denied'; reason: string; note?: InspectorNote | undefined };

export interface AskDesk {
  /** Holds the request until there is an answer. Never rejects. `gone` is called back when the client gives up. */
  hold(question: Question, onGone: (drop: () => void) => void): Promise<Answer>;
}

/** The desk as the host's side sees it. */
export interface AnsweringDesk extends AskDesk {
  list(): HeldRequest[];
  /** Answers for everybody who waits on this question. The first answer stands; a later one is told so. */
  answer(id: string, word: 'once' | 'deny', by: string): AnswerOutcome;
  /** Tells of every question from now on, until the returned function is called. */
  watch(listener: (event: AskEvent) => void): () => void;
  /** To be called after other settings are in force: everything that waits is judged anew. */
  settingsChanged(): void;
}

type AnswerOutcome = { ok: true } | { ok: false; message: string };

export interface AskLimits {
  /** Requests that wait at a time. */
  maxHeld: number;
  /** Time from the first asking to a no. */
  timeoutMs: number;
  /** New questions; a request that waits on an open one asks none. */
  maxQuestionsPerMinute: number;
}

export const ASK_LIMITS: AskLimits = { maxHeld: 64, timeoutMs: 120_000, maxQuestionsPerMinute: 60 };

export interface AskDeskParts {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Calls back after a time, unless the returned function was called before. */
  after: (delayMs: number, callback: () => void) => () => void;
}

interface Waiter {
  question: Question;
  settle(answer: Answer): void;
}

interface Open {
  id: string;
  key: string;
  askedAtMs: number;
  waiters: Set<Waiter>;
  cancelTimeout(): void;
}

type Closing = Omit<Extract<AskEvent, { event: 'closed' }>, 'event' | 'id'>;

/** Answers that are remembered, to tell who comes late what was said. */
const REMEMBERED_ANSWERS = 256;

export function createAskDesk(limits: AskLimits, { now, after }: AskDeskParts): AnsweringDesk {
  const byKey = new Map<string, Open>();
  const byId = new Map<string, Open>();
  const answered = new Map<string, Closing>();
  /** What a change of settings took away: the same question asked again keeps its name and its deadline. */
  let interrupted = new Map<string, { id: string; askedAtMs: number }>();
  const listeners = new Set<(event: AskEvent) => void>();
  const pace = createPace(limits.maxQuestionsPerMinute, now);
  let held = 0;

  function tell(event: AskEvent): void {
    for (const listener of listeners) listener(event);
  }

  function openQuestion(key: string): Open | undefined {
    const taken = interrupted.get(key);
    interrupted.delete(key);
    const before = taken !== undefined && taken.askedAtMs + limits.timeoutMs > now() ? taken : undefined;
    if (before === undefined && !pace.take()) return undefined;
    const askedAtMs = before?.askedAtMs ?? now();
    const open: Open = {
      id: before?.id ?? randomBytes(6).toString('hex'),
      key,
      askedAtMs,
      waiters: new Set(),
      cancelTimeout: after(Math.max(0, askedAtMs + limits.timeoutMs - now()), () => {
        const reason = `nobody answered within ${Math.round(limits.timeoutMs / 1000)} seconds`;
        close(open, { outcome: 'timeout' }, { answer: 'denied', reason });
      }),
    };
    byKey.set(key, open);
    byId.set(open.id, open);
    return open;
  }

  function close(open: Open, closing: Closing, answer: Answer): void {
    if (byId.get(open.id) !== open) return;
    open.cancelTimeout();
    byKey.delete(open.key);
    byId.delete(open.id);
    if (closing.outcome !== 'changed') remember(open.id, closing);
    for (const waiter of [...open.waiters]) waiter.settle(answer);
    tell({ event: 'closed', id: open.id, ...closing });
  }

  function remember(id: string, closing: Closing): void {
    answered.set(id, closing);
    const [oldest] = answered.keys();
    if (answered.size > REMEMBERED_ANSWERS && oldest !== undefined) answered.delete(oldest);
  }

  function view({ id, askedAtMs, waiters }: Open): HeldRequest | undefined {
    const [first] = waiters;
    if (first === undefined) return undefined;
    return viewQuestion(first.question, { id, askedAtMs, timeoutMs: limits.timeoutMs, waiting: waiters.size });
  }

  function hold(question: Question, onGone: (drop: () => void) => void): Promise<Answer> {
    if (held >= limits.maxHeld) return refusal(`more than ${limits.maxHeld} requests wait for an answer`);
    if (!isShowable(question.exchange)) return refusal('the request is too long to be shown to anybody');
    const key = questionKey(question.exchange);
    const known = byKey.get(key);
    const open = known ?? openQuestion(key);
    if (open === undefined) {
      return refusal(`more than ${limits.maxQuestionsPerMinute} questions were asked within a minute`);
    }
    held += 1;
    const answer = new Promise<Answer>((resolve) => {
      const waiter: Waiter = {
        question,
        settle(given) {
          if (!open.waiters.delete(waiter)) return;
          held -= 1;
          resolve(given);
        },
      };
      open.waiters.add(waiter);
      onGone(() => {
        const gone: Answer = { answer: 'denied', reason: 'the client gave up' };
        waiter.settle(gone);
        if (open.waiters.size === 0) close(open, { outcome: 'gone' }, gone);
      });
    });
    const ask = known === undefined ? view(open) : undefined;
    if (ask !== undefined) tell({ event: 'asked', ask });
    return answer;
  }

  return {
    hold,
    list: () => [...byId.values()].map(view).filter((ask) => ask !== undefined),
    answer(id, word, by) {
      const open = byId.get(id);
      if (open === undefined) return { ok: false, message: lateMessage(answered.get(id)) };
      switch (word) {
        case 'once': {
          const note: InspectorNote = { name: 'person', action: 'pass', reason: `let pass once by ${by}` };
          close(open, { outcome: 'once', by }, { answer: 'once', note });
          return { ok: true };
        }
        case 'deny': {
          const note: InspectorNote = { name: 'person', action: 'deny', reason: `refused by ${by}` };
          close(open, { outcome: 'denied', by }, { answer: 'denied', reason: 'a person said no', note });
          return { ok: true };
        }
        default:
          word satisfies never;
          return { ok: false, message: 'the answer is of an unknown kind' };
      }
    },
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    settingsChanged() {
      const opens = [...byId.values()];
      interrupted = new Map(opens.map(({ key, id, askedAtMs }) => [key, { id, askedAtMs }]));
      for (const open of opens) close(open, { outcome: 'changed' }, { answer: 'changed' });
    },
  };
}

function refusal(reason: string): Promise<Answer> {
  return Promise.resolve({ answer: 'denied', reason });
}

function lateMessage(closing: Closing | undefined): string {
  if (closing === undefined) return 'no request of that id waits';
  const by = closing.by === undefined ? '' : ` by ${closing.by}`;
  switch (closing.outcome) {
    case 'once':
      return `it was let pass already${by}`;
    case 'denied':
      return `it was refused already${by}`;
    case 'timeout':
      return 'it was refused already: nobody had answered in time';
    case 'gone':
      return 'the client has given up meanwhile';
    case 'changed':
      return 'the rules have changed meanwhile';
    default:
      closing.outcome satisfies never;
      return 'no request of that id waits';
  }
}
