// A waiting request as rows: what a person must see before answering, and what each answer would change.
import type { WaitingRequest } from './library.ts';
import type { Span } from './span.ts';

export function requestRows(request: WaitingRequest): Span[][] {
  const { id, method, url, hostUnicode, bodyBytes, contentType, rule, reason, waiting, process, rules } = request;
  const body = bodyBytes === 0 ? 'none' : `${bodyBytes ?? 'unknown number of'} bytes ${contentType ?? ''}`.trimEnd();
  const times = waiting === 1 ? '' : ` (${waiting} times)`;
  const owner =
    process === undefined ? 'cannot be told' : `${process.argv.join(' ')}  (${process.pid}, in ${process.cwd})`;
  return [
    ['request', ['bold', `${method} ${url}`], times],
    ...(hostUnicode === undefined ? [] : [['host', ['yellow', hostUnicode] as const]]),
    ['body', body],
    ['asked by', owner],
    ['why', `${rule}: ${reason}`],
    ['cage', rules.allow === undefined ? 'the path is too long for a rule' : `policy allow '${rules.allow}'`],
    ['deny in cage', rules.deny === undefined ? 'the path is too long for a rule' : `policy deny '${rules.deny}'`],
    ['id', ['dim', `${id}, until ${request.expiresAt}`]],
  ];
}
