// Reads what an egress says of the requests that wait. Its fields are checked one by one, as those of a stranger: it is fed
// by a cage.
import type { AskEvent, HeldRequest } from './config.ts';

const OUTCOMES = ['once', 'denied', 'timeout', 'gone', 'changed'] as const;
const ID = /^[0-9a-f]{12}$/;

/** Undefined for whatever is no event. */
export function readAskEvent(value: unknown): AskEvent | undefined {
  const fields = fieldsOf(value);
  switch (fields?.['event']) {
    case 'ready':
      return { event: 'ready' };
    case 'asked': {
      const ask = readHeldRequest(fields['ask']);
      return ask === undefined ? undefined : { event: 'asked', ask };
    }
    case 'closed': {
      const { id, by } = fields;
      const outcome = OUTCOMES.find((word) => word === fields['outcome']);
      if (!isId(id) || outcome === undefined) return undefined;
      return { event: 'closed', id, outcome, ...(typeof by === 'string' && { by }) };
    }
    default:
      return undefined;
  }
}

/** Undefined unless every one of them is a request that waits. */
export function readHeldRequests(value: unknown): HeldRequest[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const requests = value.map(readHeldRequest).filter((request) => request !== undefined);
  return requests.length === value.length ? requests : undefined;
}

function readHeldRequest(value: unknown): HeldRequest | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined) return undefined;
  const { id, askedAt, expiresAt, protocol, scheme, method, host, port, path, query, rule, reason, waiting } = fields;
  const { contentLength, contentType } = fields;
  if (!isId(id) || !isTime(askedAt) || !isTime(expiresAt)) return undefined;
  if ((protocol !== 'http' && protocol !== 'websocket') || (scheme !== 'https' && scheme !== 'http')) return undefined;
  if (!isText(method) || !isText(host) || !isText(path) || !isText(query) || !isText(rule) || !isText(reason)) {
    return undefined;
  }
  if (!isCount(port) || !isCount(waiting)) return undefined;
  const client = fieldsOf(fields['client']);
  const address = client?.['address'];
  const clientPort = client?.['port'];
  return {
    ...{ id, askedAt, expiresAt, protocol, scheme, method, host, port, path, query, rule, reason, waiting },
    ...(isCount(contentLength) && { contentLength }),
    ...(isText(contentType) && { contentType }),
    ...(isText(address) && isCount(clientPort) && { client: { address, port: clientPort } }),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value));
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
