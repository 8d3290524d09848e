// Asks the inspectors that the user wrote, each in a process of its own, and waits for all of them. Who does not answer in
// time, answers nonsense, or is gone has said no: nothing passes unseen because a program failed.
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { printableLine } from '../platform/text.ts';
import type { InspectorNote } from '../policy/types.ts';
import type { InspectorSetting } from './config.ts';
import {
  lineOf,
  MAX_ANSWER_CHARACTERS,
  parseAnswer,
  type InspectedRequest,
  type InspectorAnswer,
  type InspectorQuestion,
} from './inspector-lines.ts';
import { Refusal } from './refusal.ts';

export interface UserInspectors {
  /** How many there are, connected or not. */
  readonly count: number;
  /** Throws for a name that is not configured, or that is connected already. */
  connect(name: string, socket: Socket): void;
  /** Resolves once all are loaded; rejects, naming the first that is not. */
  ready(): Promise<void>;
  request(request: InspectedRequest): Promise<readonly InspectorNote[]>;
  /** Whether any wants to see bodies and messages. */
  wantsBodies(): boolean;
  body(
    request: InspectedRequest,
    kind: 'body' | 'message',
    bytes: Buffer,
    isLast: boolean,
  ): Promise<readonly InspectorNote[]>;
}

/** Of one inspector; more than that at once are refused. */
const MAX_PENDING_QUESTIONS = 256;
/** For the module to be loaded. */
const READY_TIMEOUT_MS = 10_000;
/** Beyond its own time: its process answers for it, with a better reason. */
const GRACE_MS = 500;
const MAX_REASON_CHARACTERS = 300;

export function createUserInspectors(settings: readonly InspectorSetting[]): UserInspectors {
  const connections = new Map<string, Connection>();

  async function askAll(
    isAsked: (connection: Connection) => boolean,
    ask: (id: number) => InspectorQuestion,
  ): Promise<readonly InspectorNote[]> {
    const missing = settings.find(({ name }) => !connections.has(name));
    if (missing !== undefined) throw refusal(missing.name, 'it is not there');
    const asked = [...connections.values()].filter(isAsked);
    const verdicts = await Promise.all(asked.map((connection) => connection.ask(ask)));
    return verdicts.flatMap(({ name, action, reason }) =>
      action === 'note' ? [{ name: `inspector:${name}`, action, reason }] : [],
    );
  }

  return {
    count: settings.length,
    connect(name, socket) {
      const setting = settings.find((each) => each.name === name);
      if (setting === undefined || connections.has(name)) throw new Error('an inspector came that nobody waits for');
      connections.set(name, createConnection(setting, socket));
    },
    async ready() {
      for (const { name } of settings) {
        const connection = connections.get(name);
        if (connection === undefined) throw new Error(`the inspector ${name} was not started`);
        await connection.ready;
      }
    },
    request: (request) =>
      askAll(
        () => true,
        (id) => ({ id, kind: 'request', request }),
      ),
    wantsBodies: () => [...connections.values()].some(({ wantsBodies }) => wantsBodies()),
    body: (request, kind, bytes, isLast) =>
      askAll(
        ({ wantsBodies }) => wantsBodies(),
        (id) => ({ id, kind, request, bytes: bytes.toString('base64'), isLast }),
      ),
  };
}

interface Verdict {
  name: string;
  action: 'pass' | 'note';
  reason: string;
}

interface Connection {
  ready: Promise<void>;
  wantsBodies: () => boolean;
  /** Rejects with a Refusal for everything but a pass and a note. */
  ask(question: (id: number) => InspectorQuestion): Promise<Verdict>;
}

interface Pending {
  settle(outcome: Verdict | Refusal): void;
}

function createConnection({ name, timeoutMs }: InspectorSetting, socket: Socket): Connection {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let isGone = false;
  let bodies: boolean | undefined;
  let settleReady: ((error: Error | undefined) => void) | undefined;
  const onReady = (error: Error | undefined): void => settleReady?.(error);
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => onReady(new Error(`the inspector ${name} was not ready in time`)), READY_TIMEOUT_MS);
    settleReady = (error) => {
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(error);
    };
  });
  // Whoever waits for it sees the reason; nobody needs to.
  ready.catch(() => undefined);

  const drop = (reason: string): void => {
    isGone = true;
    socket.destroy();
    onReady(new Error(`the inspector ${name} is gone: ${reason}`));
    for (const each of [...pending.values()]) each.settle(refusal(name, reason));
  };

  const take = (answer: InspectorAnswer | undefined): void => {
    if (answer === undefined) return drop('it gave an answer that cannot be read');
    switch (answer.type) {
      case 'ready':
        if (bodies !== undefined) return drop('it was ready twice');
        bodies = answer.bodies;
        onReady(undefined);
        return;
      case 'failed':
        onReady(new Error(`the inspector ${name} cannot be used: ${shown(answer.message)}`));
        return drop('its module could not be loaded');
      case 'verdict':
        pending.get(answer.id)?.settle(outcomeOf(name, answer.action, answer.reason));
        return;
      default:
        answer satisfies never;
        return drop('it gave an answer that is not known');
    }
  };

  let unread = 0;
  socket.on('data', (bytes: Buffer) => {
    const end = bytes.lastIndexOf(10);
    unread = end < 0 ? unread + bytes.length : bytes.length - end;
    if (unread > MAX_ANSWER_CHARACTERS) drop('it gave an answer without an end');
  });
  createInterface({ input: socket }).on('line', (line) => take(parseAnswer(line)));
  socket.on('error', () => drop('its process failed'));
  socket.on('close', () => drop('its process ended'));

  return {
    ready,
    // Until it said what it wants it is shown everything.
    wantsBodies: () => bodies ?? true,
    ask(question) {
      if (isGone) return Promise.reject(refusal(name, 'its process ended'));
      if (pending.size >= MAX_PENDING_QUESTIONS) return Promise.reject(refusal(name, 'too much waits for its answer'));
      lastId += 1;
      const id = lastId;
      return new Promise((resolve, reject) => {
        const settle = (outcome: Verdict | Refusal): void => {
          clearTimeout(timer);
          pending.delete(id);
          if (outcome instanceof Refusal) reject(outcome);
          else resolve(outcome);
        };
        const timer = setTimeout(
          () => settle(refusal(name, `it did not answer within ${timeoutMs} ms`)),
          timeoutMs + GRACE_MS,
        );
        pending.set(id, { settle });
        socket.write(lineOf(question(id)));
      });
    },
  };
}

function outcomeOf(name: string, action: 'pass' | 'note' | 'deny' | 'error', reason: string): Verdict | Refusal {
  switch (action) {
    case 'pass':
    case 'note':
      return { name, action, reason: shown(reason) };
    case 'deny':
      return refusal(name, reason === '' ? 'it says no' : reason);
    case 'error':
      return refusal(name, reason === '' ? 'it failed' : reason);
    default:
      action satisfies never;
      return refusal(name, 'it gave an answer that is not known');
  }
}

function refusal(name: string, reason: string): Refusal {
  return new Refusal({
    status: 403,
    rule: `<inspector:${name}>`,
    reason: `your inspector ${name} refused it: ${shown(reason)}`,
  });
}

function shown(text: string): string {
  return printableLine(text).slice(0, MAX_REASON_CHARACTERS);
}
