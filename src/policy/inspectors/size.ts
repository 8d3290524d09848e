// Bounds on a request head, so that what is judged, recorded and sent stays small. The sockets have bounds of their own.
import type { Inspector } from '../inspector.ts';

const MAX_HEADERS = 200;
const MAX_HEADER_CHARACTERS = 64 * 1024;
const MAX_PATH_CHARACTERS = 8 * 1024;
const MAX_QUERY_CHARACTERS = 16 * 1024;

export const size: Inspector = {
  name: 'size',
  inspect(exchange) {
    const fault = findFault(
      exchange.headers.length > MAX_HEADERS && `more than ${MAX_HEADERS} header fields`,
      exchange.headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0) > MAX_HEADER_CHARACTERS &&
        `header fields of more than ${MAX_HEADER_CHARACTERS} characters`,
      exchange.path.length > MAX_PATH_CHARACTERS && `a path of more than ${MAX_PATH_CHARACTERS} characters`,
      exchange.query.length > MAX_QUERY_CHARACTERS && `a query of more than ${MAX_QUERY_CHARACTERS} characters`,
      !isLength(exchange.contentLength) && 'an impossible content length',
      !isPort(exchange.port) && 'an impossible port',
    );
    return fault === undefined
      ? undefined
      : { action: 'deny', rule: '<size>', reason: `the request has ${fault}`, remedy: '' };
  },
};

function findFault(...faults: readonly (string | false)[]): string | undefined {
  return faults.find((fault) => typeof fault === 'string');
}

function isLength(length: number | undefined): boolean {
  return length === undefined || (Number.isSafeInteger(length) && length >= 0);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
