// Heads as they are sent: always written anew from the parsed form, so that no byte of the sender's spelling of the
// framing survives.
import type { Field } from './fields.ts';
import type { Framing } from './framing.ts';

interface OutgoingRequest {
  method: string;
  /** Path with the query. */
  target: string;
  /** host, or host:port where the port is not the scheme's. */
  authority: string;
  fields: readonly Field[];
  framing: Framing;
}

export function writeRequestHead(request: OutgoingRequest): Buffer {
  let text = `${request.method} ${request.target} HTTP/1.1\r\nHost: ${request.authority}\r\n${lines(request.fields)}`;
  switch (request.framing.kind) {
    case 'length':
      text += `Content-Length: ${request.framing.length}\r\n`;
      break;
    case 'chunked':
      text += 'Transfer-Encoding: chunked\r\n';
      break;
    case 'none':
    case 'until-close':
      break;
    default:
      text = '';
  }
  return Buffer.from(`${text}\r\n`, 'latin1');
}

interface OutgoingResponse {
  status: number;
  reason: string;
  fields: readonly Field[];
  framing: Framing;
  /** Announce that the connection ends behind this response. */
  close: boolean;
  /** Content-Length of a response that has no body, as HEAD has it. */
  bodilessLength?: number | undefined;
}

export function writeResponseHead(response: OutgoingResponse): Buffer {
  let text = `HTTP/1.1 ${response.status} ${response.reason}\r\n${lines(response.fields)}`;
  if (response.framing.kind === 'length') text += `Content-Length: ${response.framing.length}\r\n`;
  if (response.framing.kind === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  if (response.framing.kind === 'none' && response.bodilessLength !== undefined) {
    text += `Content-Length: ${response.bodilessLength}\r\n`;
  }
  if (response.close) text += 'Connection: close\r\n';
  return Buffer.from(`${text}\r\n`, 'latin1');
}

/** The last chunk with fields behind it. */
export function writeTrailers(fields: readonly Field[]): Buffer {
  return Buffer.from(`0\r\n${lines(fields)}\r\n`, 'latin1');
}

function lines(fields: readonly Field[]): string {
  let text = '';
  for (const field of fields) text += `${field.spelled}: ${field.value}\r\n`;
  return text;
}
