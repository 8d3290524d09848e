// One exchange as HAR 1.2 has it (http://www.softwareishard.com/blog/har-12-spec/), with Chrome's form of WebSocket messages.
// What was not kept is left empty and said so in a comment; nothing is made up.
import { FRAME } from './capture-format.ts';
import type { CapturedFrame } from './capture-read.ts';
import { CUT, harBody } from './har-body.ts';
import type { AuditRecord } from './record.ts';

interface NamedValue {
  name: string;
  value: string;
}

export interface HarEntry {
  startedDateTime: string;
  /** Milliseconds. */
  time: number;
  request: {
    method: string;
    url: string;
    httpVersion: string;
    cookies: NamedValue[];
    headers: NamedValue[];
    queryString: NamedValue[];
    postData?: { mimeType: string; text: string; comment?: string; encoding?: 'base64' };
    headersSize: number;
    bodySize: number;
  };
  response: {
    status: number;
    statusText: string;
    httpVersion: string;
    cookies: NamedValue[];
    headers: NamedValue[];
    content: { size: number; mimeType: string; text?: string; encoding?: 'base64'; comment?: string };
    redirectURL: string;
    headersSize: number;
    bodySize: number;
  };
  cache: Record<string, never>;
  timings: { send: number; wait: number; receive: number };
  comment?: string;
  _resourceType?: 'websocket';
  _webSocketMessages?: { type: 'send' | 'receive'; time: number; opcode: 1 | 2; data: string }[];
  _ironcage: { seq: number; decision: string; rule: string; secrets: readonly string[]; outcome?: string };
}

interface Head {
  line: string[];
  fields: NamedValue[];
}

const CUTS: ReadonlySet<number> = new Set([FRAME.requestCut, FRAME.responseCut]);
const SET_COOKIE = 'set-cookie';

export function harEntry(record: AuditRecord, frames: readonly CapturedFrame[]): HarEntry {
  const request = headOf(frames, FRAME.request);
  const response = headOf(frames, FRAME.response);
  const [method = record.method, askedUrl = urlOf(record), requestVersion = ''] = request?.line ?? [];
  const url = writtenUrl(askedUrl);
  const [responseVersion = '', status = '', ...reason] = response?.line ?? [];
  const startMs = Date.parse(record.time);
  const answeredMs = timeOf(frames, FRAME.response) ?? startMs;
  const endMs = Math.max(answeredMs, frames.at(-1)?.timeMs ?? startMs, startMs);
  const messages = messagesOf(frames);
  const isCut = record.protocol === 'websocket' && frames.some(({ kind }) => CUTS.has(kind));
  const comment = commentOf(record, request === undefined) || (isCut ? CUT : '');
  return {
    startedDateTime: record.time,
    time: endMs - startMs,
    request: {
      method,
      url,
      httpVersion: versionOf(requestVersion),
      cookies: cookiesOf(request, 'cookie'),
      headers: request?.fields ?? [],
      queryString: queryOf(url),
      ...postData(record, request, frames),
      headersSize: -1,
      bodySize: record.bytesOut,
    },
    response: {
      status: !/^\d{3}$/.test(status) ? (record.end?.status ?? (record.decision === 'deny' ? 403 : 0)) : Number(status),
      statusText: reason.join(' '),
      httpVersion: versionOf(responseVersion),
      cookies: cookiesOf(response, SET_COOKIE),
      headers: response?.fields ?? [],
      content: contentOf(record, response, frames),
      redirectURL: fieldOf(response, 'location'),
      headersSize: -1,
      bodySize: record.bytesIn,
    },
    cache: {},
    timings: { send: 0, wait: Math.max(0, answeredMs - startMs), receive: Math.max(0, endMs - answeredMs) },
    ...(comment === '' ? {} : { comment }),
    ...(record.protocol === 'websocket' ? { _resourceType: 'websocket' as const, _webSocketMessages: messages } : {}),
    _ironcage: {
      seq: record.seq,
      decision: record.decision,
      rule: record.rule,
      secrets: record.secrets,
      ...(record.end === undefined ? {} : { outcome: record.end.outcome }),
    },
  };
}

function headOf(frames: readonly CapturedFrame[], kind: number): Head | undefined {
  const frame = frames.find((each) => each.kind === kind);
  if (frame === undefined) return undefined;
  // Only the end of the last line goes: a field may be empty, and blanks at its end are its own.
  const [first = '', ...lines] = frame.content.toString('latin1').replace(/\n$/, '').split('\n');
  const fields = lines.flatMap((line) => {
    const colon = line.indexOf(': ');
    return colon === -1 ? [] : [{ name: line.slice(0, colon), value: line.slice(colon + 2) }];
  });
  return { line: first.split(' '), fields };
}

function timeOf(frames: readonly CapturedFrame[], kind: number): number | undefined {
  return frames.find((each) => each.kind === kind)?.timeMs;
}

function versionOf(version: string): string {
  return version === '' ? 'unknown' : `HTTP/${version}`;
}

/** The record knows no scheme: port 80 is plain, as everywhere in the policy. */
function urlOf({ host, port, path }: AuditRecord): string {
  const scheme = port === 80 ? 'http' : 'https';
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return `${scheme}://${shownHost}${port === 80 || port === 443 ? '' : `:${port}`}${path.startsWith('/') ? path : '/'}`;
}

/** What stands for a part that was cut or taken out is no text of a URL as it is. */
function writtenUrl(url: string): string {
  return url.replace(/[^\x21-\x7e]+/g, (text) => encodeURI(Buffer.from(text).toString()));
}

function queryOf(url: string): NamedValue[] {
  const start = url.indexOf('?');
  if (start === -1) return [];
  return Array.from(new URLSearchParams(url.slice(start + 1)), ([name, value]) => ({ name, value }));
}

function fieldOf(head: Head | undefined, name: string): string {
  return head?.fields.find((field) => field.name.toLowerCase() === name)?.value ?? '';
}

function cookiesOf(head: Head | undefined, header: 'cookie' | 'set-cookie'): NamedValue[] {
  const values = head?.fields.filter(({ name }) => name.toLowerCase() === header) ?? [];
  const pairs = values.flatMap(({ value }) => (header === SET_COOKIE ? value.split(';', 1) : value.split(';')));
  return pairs.map((pair) => {
    const equals = pair.indexOf('=');
    return equals === -1
      ? { name: '', value: pair.trim() }
      : { name: pair.slice(0, equals).trim(), value: pair.slice(equals + 1).trim() };
  });
}

function bodyOf(frames: readonly CapturedFrame[], kind: number): Buffer {
  return Buffer.concat(frames.filter((frame) => frame.kind === kind).map(({ content }) => content));
}

function postData(record: AuditRecord, head: Head | undefined, frames: readonly CapturedFrame[]) {
  const body = bodyOf(frames, FRAME.requestBody);
  if (body.length === 0 || record.protocol === 'websocket') return {};
  const isCut = frames.some(({ kind }) => kind === FRAME.requestCut);
  const mimeType = fieldOf(head, 'content-type');
  return { postData: { mimeType, ...harBody(body, fieldOf(head, 'content-encoding'), isCut).body } };
}

function contentOf(record: AuditRecord, head: Head | undefined, frames: readonly CapturedFrame[]) {
  const mimeType = fieldOf(head, 'content-type') || 'x-unknown';
  const body = bodyOf(frames, FRAME.responseBody);
  const isCut = frames.some(({ kind }) => kind === FRAME.responseCut);
  if (body.length === 0) return { size: record.bytesIn, mimeType };
  const shown = harBody(body, fieldOf(head, 'content-encoding'), isCut);
  return { size: isCut ? record.bytesIn : shown.size, mimeType, ...shown.body };
}

const MESSAGES: ReadonlyMap<number, { type: 'send' | 'receive'; opcode: 1 | 2 }> = new Map([
  [FRAME.messageOutText, { type: 'send', opcode: 1 }],
  [FRAME.messageOutBinary, { type: 'send', opcode: 2 }],
  [FRAME.messageInText, { type: 'receive', opcode: 1 }],
  [FRAME.messageInBinary, { type: 'receive', opcode: 2 }],
]);

function messagesOf(frames: readonly CapturedFrame[]): NonNullable<HarEntry['_webSocketMessages']> {
  return frames.flatMap(({ kind, timeMs, content }) => {
    const message = MESSAGES.get(kind);
    if (message === undefined) return [];
    const data = content.toString(message.opcode === 1 ? 'utf8' : 'base64');
    return [{ ...message, time: timeMs / 1000, data }];
  });
}

function commentOf(record: AuditRecord, isUnkept: boolean): string {
  const reasons = record.inspectors.filter(({ action }) => action === 'deny').map(({ reason }) => reason);
  const refusal =
    record.decision === 'deny' ? `refused by ${record.rule}: ${record.end?.detail || reasons.join('; ')}` : '';
  const gone = record.decision === 'allow' && isUnkept ? 'heads and bodies of this exchange were not kept' : '';
  return refusal || gone;
}
