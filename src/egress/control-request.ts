// One line of the control socket as a request, or an error that quotes nothing of it: a line may hold secrets.
import { readGeneration } from './config-guards.ts';
import type { ControlRequest } from './config.ts';

const ID = /^[0-9a-f]{12}$/;
/** Who answers goes into the audit: printable, on one line, bounded. */
const WHO = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,128}$/u;

/** Throws for whatever is not exactly one request. */
export function readControlRequest(line: string): ControlRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error('the request is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('the request is no object');
  const fields = new Map<string, unknown>(Object.entries(value));
  const op = fields.get('op');
  switch (op) {
    case 'status':
    case 'stop':
    case 'asks':
    case 'watch':
      only(fields, ['op']);
      return { op };
    case 'apply':
      only(fields, ['op', 'generation']);
      return { op, generation: readGeneration(fields.get('generation')) };
    case 'answer': {
      only(fields, ['op', 'id', 'answer', 'by']);
      const [id, answer, by] = [fields.get('id'), fields.get('answer'), fields.get('by')];
      if (typeof id !== 'string' || !ID.test(id)) throw new Error('the answer names no question');
      if (answer !== 'once' && answer !== 'deny') throw new Error('the answer is neither once nor deny');
      if (typeof by !== 'string' || !WHO.test(by)) throw new Error('the answer does not say who gives it');
      return { op, id, answer, by };
    }
    default:
      throw new Error('the request has an unknown operation');
  }
}

function only(fields: ReadonlyMap<string, unknown>, known: readonly string[]): void {
  if ([...fields.keys()].some((key) => !known.includes(key)))
    throw new Error('the request has fields that are not known');
}
