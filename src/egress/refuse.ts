// The one shape of a refusal as a client sees it: it says which rule, why, and what the user could type. It tells nothing
// about secrets, and nothing that the request did not say itself.
import type { Field } from './fields.ts';
import { writeResponseHead } from './head-writer.ts';

export interface RefusalAnswer {
  status: number;
  rule: string;
  reason: string;
  remedy: string;
  method: string;
  host: string;
  path: string;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  408: 'Request Timeout',
  413: 'Content Too Large',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** Longer texts of the cage's own making are cut: an answer is for reading. */
const MAX_ECHO_CHARACTERS = 2048;

/** The whole response. `close` announces the end of the connection; `bodiless` is for HEAD. */
export function writeRefusal(answer: RefusalAnswer, close: boolean, bodiless = false): Buffer {
  const body = refusalBody(answer);
  const head = writeResponseHead({
    status: answer.status,
    reason: REASONS[answer.status] ?? 'Refused',
    fields: [field('Content-Type', 'application/json'), field('Cache-Control', 'no-store')],
    framing: { kind: 'length', length: body.length },
    close,
  });
  return bodiless ? head : Buffer.concat([head, body]);
}

/** What a refusal says, whatever carries it. */
export function refusalBody(answer: RefusalAnswer): Buffer {
  return Buffer.from(
    `${JSON.stringify({
      error: 'refused',
      blockedBy: 'ironcage',
      rule: answer.rule,
      reason: answer.reason,
      remedy: answer.remedy,
      method: answer.method,
      host: answer.host,
      path: answer.path.slice(0, MAX_ECHO_CHARACTERS),
    })}\n`,
  );
}

function field(spelled: string, value: string): Field {
  return { name: spelled.toLowerCase(), spelled, value };
}
