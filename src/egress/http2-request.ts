// The head of an HTTP/2 request, brought to the form that HTTP/1 heads have. Strict: one reading, or a refusal.
import { fieldValues } from './fields.ts';
import { readHttp2Head } from './http2-fields.ts';
import { malformed } from './refusal.ts';
import type { HeadLimits, RequestHead } from './request-head.ts';

const KNOWN_PSEUDO: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path', ':protocol']);

/** `raw`: names and values in turns. Throws a Refusal. */
export function readHttp2Request(raw: readonly string[], isBodiless: boolean, limits: HeadLimits): RequestHead {
  const { pseudo, fields } = readHttp2Head(raw, limits.maxHeaders, malformed);
  for (const name of pseudo.keys()) if (!KNOWN_PSEUDO.has(name)) throw malformed('an unknown pseudo-header');
  const method = pseudo.get(':method') ?? '';
  if (!/^[A-Z][A-Z-]{0,31}$/.test(method)) throw malformed('a method that is none');
  const host = readHost(pseudo.get(':authority'), fieldValues(fields, 'host'));
  const rest = { version: '2', fields: fields.filter(({ name }) => name !== 'host'), host, isBodiless } as const;
  const protocol = pseudo.get(':protocol');
  if (method === 'CONNECT' && protocol === undefined) {
    return { ...rest, method, target: { form: 'authority', authority: host } };
  }
  if (pseudo.get(':scheme') !== 'https') throw malformed('a scheme other than https in HTTP/2');
  const path = pseudo.get(':path') ?? '';
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw malformed('the :path is not a path');
  const target = { form: 'origin', target: path } as const;
  if (protocol === undefined) return { ...rest, method, target };
  if (method !== 'CONNECT' || protocol !== 'websocket') throw malformed('an extended CONNECT for no WebSocket');
  // The policy knows a WebSocket by the GET that it is in HTTP/1; its bytes are no body (RFC 8441).
  return { ...rest, method: 'GET', target, isWebSocket: true, isBodiless: true };
}

function readHost(authority: string | undefined, hosts: readonly string[]): string {
  const [host] = hosts;
  if (hosts.length > 1) throw malformed('the request has more than one Host header');
  if (authority === undefined || authority === '') throw malformed('the request has no :authority');
  if (host !== undefined && host !== authority) throw malformed('the Host header is not the :authority');
  return authority;
}
