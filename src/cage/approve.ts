// Requests of a cage that wait for a person (`--net ask`): shown with the process that asks and with what each answer would
// change, and answered. The questions live in the egress; nothing is kept here.
import { sendControl } from '../egress/client.ts';
import { watchControl } from '../egress/client-watch.ts';
import type { AskEvent, HeldRequest } from '../egress/config.ts';
import { IronError, toIronError } from '../platform/errors.ts';
import { printableLine } from '../platform/text.ts';
import { offerRules } from './approve-rules.ts';
import type { Context } from './context.ts';
import { CONTROL_TIMEOUT_MS, controlSocket } from './confirm-policy.ts';
import { letsPass } from './lets-pass.ts';
import { policyAllow, policyDeny } from './policy-change.ts';
import { stateHealth } from './repair.ts';
import { readRules } from './rule-input.ts';
import type { RunningState } from './state.ts';
import { cageExists, noSuchCage, readCageState } from './store.ts';
import { viewRequest, type WaitingRequest } from './waiting-request.ts';

/**
 * `once`: this request may pass. `cage`: a rule of this cage from now on. `always`: that, and a rule for every new cage.
 * `deny`: this request may not. `deny-cage`: a deny rule of this cage from now on.
 */
export type ApprovalAnswer = 'once' | 'cage' | 'always' | 'deny' | 'deny-cage';

export interface AnswerOptions {
  /** For `cage` and `always`: this rule instead of the narrowest. */
  rule?: string | undefined;
}

export type AnswerResult =
  | { ok: true; /** The rule that was added, if any. */ rule: string | undefined }
  /** Somebody else was first, nobody waits any more, or the rule does not match the request. */
  | { ok: false; message: string };

export type ApprovalEvent =
  | {
      event: 'asked';
      request: WaitingRequest;
      answer(answer: ApprovalAnswer, options?: AnswerOptions): Promise<AnswerResult>;
    }
  | {
      event: 'closed';
      id: string;
      outcome: 'once' | 'denied' | 'timeout' | 'gone' | 'changed';
      by: string | undefined;
    };

const RETRY_MS = 200;
const MAX_RETRIES = 50;

/** What waits now. Throws E_NO_CAGE, E_NOT_RUNNING, E_EGRESS. */
export async function waitingRequests(context: Context, name: string): Promise<WaitingRequest[]> {
  const state = runningState(context, name);
  return (await heldRequests(context, name)).map((held) => viewRequest(name, state.init, held));
}

/**
 * What waits, and then each new request and how it ended, until the cage stops or `signal` aborts. A restarted egress is
 * found again. Throws E_NO_CAGE, E_NOT_RUNNING, E_EGRESS.
 */
export async function* approvals(
  context: Context,
  name: string,
  signal: AbortSignal = new AbortController().signal,
): AsyncGenerator<ApprovalEvent, void, undefined> {
  runningState(context, name);
  const open = new Set<string>();
  for (let retries = 0; !signal.aborted;) {
    const state = readCageState(context, name);
    if (state.phase !== 'running' || stateHealth(state) !== 'running') return;
    try {
      for await (const event of watchControl(controlSocket(context, name), signal)) {
        retries = 0;
        if (event.event !== 'ready') yield note(open, viewEvent(context, name, state, event));
      }
    } catch (error) {
      retries += 1;
      if (retries > MAX_RETRIES) throw error;
    }
    // Who asked the egress that is gone has lost the connection with it.
    for (const id of open) yield note(open, { event: 'closed', id, outcome: 'gone', by: undefined });
    if (!signal.aborted) await new Promise((wake) => setTimeout(wake, RETRY_MS));
  }
}

/** Answers one request. Throws E_NO_CAGE, E_NOT_RUNNING, E_EGRESS, and E_RULE for a rule that is none. */
export async function answerRequest(
  context: Context,
  name: string,
  id: string,
  answer: ApprovalAnswer,
  { rule }: AnswerOptions = {},
): Promise<AnswerResult> {
  runningState(context, name);
  switch (answer) {
    case 'once':
    case 'deny':
      return sendAnswer(context, name, id, answer);
    case 'cage':
    case 'always':
    case 'deny-cage': {
      const held = (await heldRequests(context, name)).find((request) => request.id === id);
      if (held === undefined) return { ok: false, message: 'no request of that id waits' };
      const offered = offerRules(held);
      const text = answer === 'deny-cage' ? offered.deny : (rule ?? offered.exact);
      if (text === undefined) return { ok: false, message: 'its path is too long for a rule; answer it once' };
      // The egress judges anew whatever waits as soon as it has the rule: that is the answer.
      if (answer === 'deny-cage') {
        await policyDeny(context, name, [text]);
        return { ok: true, rule: text };
      }
      if (!letsPass(await readRules(context, 'allow', [text]), held, context.clock.now()))
        return { ok: false, message: `the rule ${text} does not let this request pass; nothing was changed` };
      await policyAllow(context, name, [text]);
      // Afterwards: what the cage refuses to take must not spoil the settings of every later one.
      if (answer === 'always') await rememberRule(context, text);
      return { ok: true, rule: text };
    }
    default:
      answer satisfies never;
      return { ok: false, message: 'the answer is of an unknown kind' };
  }
}

/** For every cage that is made from now on. */
async function rememberRule({ configFile }: Context, text: string): Promise<void> {
  const { addUserRule } = await import('../config/add-user-rule.ts');
  try {
    await addUserRule(configFile, text);
  } catch (error) {
    const { code, message, because, hint } = toIronError(error);
    if (code === 'E_BUG') throw error;
    const told = `the request passed and this cage has the rule, but later ones do not: ${message}`;
    throw new IronError(code, { message: told, because, hint, cause: error });
  }
}

async function sendAnswer(context: Context, name: string, id: string, answer: 'once' | 'deny'): Promise<AnswerResult> {
  // The egress takes ids of its own form only; whatever else was typed names nothing.
  if (!/^[0-9a-f]{12}$/.test(id)) return { ok: false, message: 'no request of that id waits' };
  const request = { op: 'answer', id, answer, by: whoAnswers(context) } as const;
  const told = await sendControl(controlSocket(context, name), request, CONTROL_TIMEOUT_MS);
  return told.ok ? { ok: true, rule: undefined } : { ok: false, message: told.message };
}

async function heldRequests(context: Context, name: string): Promise<readonly HeldRequest[]> {
  const told = await sendControl(controlSocket(context, name), { op: 'asks' }, CONTROL_TIMEOUT_MS);
  if (told.ok && told.asks !== undefined) return told.asks;
  throw new IronError('E_EGRESS', {
    message: 'the egress of this cage does not say what waits',
    because: told.ok ? undefined : told.message,
    hint: `restart the cage: ironcage restart ${name}`,
  });
}

function runningState(context: Context, name: string): RunningState {
  if (!cageExists(context, name)) throw noSuchCage(name);
  const state = readCageState(context, name);
  if (state.phase === 'running' && stateHealth(state) === 'running') return state;
  throw new IronError('E_NOT_RUNNING', {
    message: `the cage ${name} does not run, so nothing in it can ask`,
    hint: `start it: ironcage start ${name}`,
  });
}

/** Keeps count of what is open. */
function note(open: Set<string>, event: ApprovalEvent): ApprovalEvent {
  if (event.event === 'asked') open.add(event.request.id);
  else open.delete(event.id);
  return event;
}

function viewEvent(
  context: Context,
  name: string,
  state: RunningState,
  event: Exclude<AskEvent, { event: 'ready' }>,
): ApprovalEvent {
  if (event.event === 'closed') {
    const { id, outcome, by } = event;
    return { event: 'closed', id, outcome, by: by === undefined ? undefined : printableLine(by) };
  }
  const request = viewRequest(name, state.init, event.ask);
  const answer = (word: ApprovalAnswer, options?: AnswerOptions) =>
    answerRequest(context, name, request.id, word, options);
  return { event: 'asked', request, answer };
}

/** For the record: the name is the environment's word, the number is the kernel's. */
function whoAnswers({ environment }: Context): string {
  const name = printableLine(environment['USER'] ?? environment['LOGNAME'] ?? '').slice(0, 64);
  const uid = `uid ${process.getuid?.() ?? '?'}`;
  return name === '' ? uid : `${name} (${uid})`;
}
