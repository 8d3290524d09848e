// The thread that runs a user's inspector: loads the module and puts questions to it. It
// may hang, throw or end; the thread above sees to it that none of that lets anything pass.
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { errorMessage } from '../platform/errors.ts';
import type { InspectedRequest, InspectorAnswer, InspectorQuestion } from './inspector-lines.ts';

/** Requests whose object is kept for the pieces of their body; the oldest is forgotten. */
const MAX_KNOWN_REQUESTS = 4096;
const MAX_REASON_CHARACTERS = 300;

const port = parentPort;
if (port === null) throw new Error('an inspector runs in a thread of its own');
const answer = (line: InspectorAnswer): void => port.postMessage(line);
/** A module may keep what it knows of a request in a WeakMap: it meets the same object with every piece. */
const requests = new Map<number, InspectedRequest>();

try {
  const loaded: unknown = await import(pathToFileURL(String(workerData)).href);
  const inspect = functionOf(loaded, 'inspect');
  const inspectBody = functionOf(loaded, 'inspectBody');
  if (inspect === undefined && inspectBody === undefined) throw new Error('it exports neither inspect nor inspectBody');
  port.on('message', (question: InspectorQuestion) => {
    judge(question, inspect, inspectBody).then(answer, (error: unknown) => {
      answer({
        type: 'verdict',
        id: question.id,
        action: 'error',
        reason: errorMessage(error).slice(0, MAX_REASON_CHARACTERS),
      });
    });
  });
  answer({ type: 'ready', bodies: inspectBody !== undefined });
} catch (error) {
  answer({ type: 'failed', message: errorMessage(error).slice(0, MAX_REASON_CHARACTERS) });
}

type Callable = (...values: readonly unknown[]) => unknown;

function functionOf(loaded: unknown, name: string): Callable | undefined {
  if (typeof loaded !== 'object' || loaded === null) return undefined;
  const found: unknown = Reflect.get(loaded, name);
  if (found === undefined) return undefined;
  if (typeof found !== 'function') throw new Error(`its export ${name} is no function`);
  return (...values) => Reflect.apply(found, undefined, values);
}

async function judge(
  question: InspectorQuestion,
  inspect: Callable | undefined,
  inspectBody: Callable | undefined,
): Promise<InspectorAnswer> {
  const request = known(question.request);
  const said =
    question.kind === 'request'
      ? await inspect?.(request)
      : await inspectBody?.(request, Buffer.from(question.bytes, 'base64'), {
          kind: question.kind,
          isLast: question.isLast,
        });
  return { type: 'verdict', id: question.id, ...verdictOf(said) };
}

function known(request: InspectedRequest): InspectedRequest {
  const before = requests.get(request.id);
  if (before !== undefined) return before;
  requests.set(request.id, request);
  const [oldest] = requests.keys();
  if (requests.size > MAX_KNOWN_REQUESTS && oldest !== undefined) requests.delete(oldest);
  return request;
}

/** Nothing said is a pass; anything that is not understood is an error, and that is a refusal. */
function verdictOf(said: unknown): { action: 'pass' | 'note' | 'deny' | 'error'; reason: string } {
  if (said === undefined) return { action: 'pass', reason: '' };
  const action: unknown = typeof said === 'object' && said !== null ? Reflect.get(said, 'action') : undefined;
  if (action !== 'pass' && action !== 'note' && action !== 'deny') {
    return { action: 'error', reason: 'it answered neither pass nor note nor deny' };
  }
  const reason: unknown = typeof said === 'object' && said !== null ? Reflect.get(said, 'reason') : undefined;
  return { action, reason: typeof reason === 'string' ? reason.slice(0, MAX_REASON_CHARACTERS) : '' };
}
