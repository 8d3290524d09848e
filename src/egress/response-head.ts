// The head of an HTTP/1 response. An upstream that was allowed may still be hostile, or speak for the cage.
import { listMembers, parseFields, splitHead, type Field } from './fields.ts';
import { upstreamFailure } from './refusal.ts';
import type { HeadLimits } from './request-head.ts';

export interface ResponseHead {
  readonly version: '1.0' | '1.1';
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

/** Parses the bytes up to and with the empty line. Throws a Refusal (502). */
export function parseResponseHead(bytes: Buffer, limits: HeadLimits): ResponseHead {
  if (bytes.length > limits.maxHeadBytes) throw upstreamFailure('the response head is too large');
  const lines = splitHead(bytes.toString('latin1'), upstreamFault);
  const statusLine = STATUS_LINE.exec(lines[0] ?? '');
  if (statusLine === null) throw upstreamFailure('the upstream does not answer in HTTP/1');
  const [, minor, status = '', reason = ''] = statusLine;
  return {
    version: minor === '1' ? '1.1' : '1.0',
    status: Number(status),
    reason,
    fields: parseFields(lines, 1, limits.maxHeaders, upstreamFault),
  };
}

/** Whether the upstream keeps the connection for a next request. */
export function upstreamKeepsAlive(head: ResponseHead): boolean {
  return head.version === '1.1' && !listMembers(head.fields, 'connection').includes('close');
}

export function upstreamFault(reason: string): ReturnType<typeof upstreamFailure> {
  return upstreamFailure(`the upstream sent ${reason}`);
}
