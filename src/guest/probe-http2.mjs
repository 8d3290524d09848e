// HTTP/2 by hand: frames and header blocks that no client library would send. Nothing is compressed, so that what is sent
// can be read here; of the answers only what is never compressed is looked at, bodies and the ends of streams.
import { dial, ruleOf } from './probe-kit.mjs';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, goaway: 7 };
const END_STREAM = 1;
export const END_HEADERS = 4;
const SILENCE_MS = 250;
const DEADLINE_MS = 4000;

export function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A HEADERS frame that ends its stream unless told otherwise; fields are literals without names from any table (RFC 7541 6.2.2). */
export function headers(fields, stream = 1, flags = END_STREAM | END_HEADERS) {
  return frame(TYPE.headers, flags, stream, block(fields));
}

export function block(fields) {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), ...[name, value].map((text) => literal(text))]),
  );
}

function literal(text) {
  const bytes = Buffer.from(text, 'latin1');
  const size = [];
  if (bytes.length < 127) size.push(bytes.length);
  else {
    size.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) size.push((rest & 127) | 128);
    size.push(rest);
  }
  return Buffer.concat([Buffer.from(size), bytes]);
}

export const reset = (stream) => frame(TYPE.reset, 0, stream, Buffer.from([0, 0, 0, 8]));

/**
 * Sends frames behind the preface and says how the streams ended: `<address>`, `reset 1`, `goaway 1`, by stream, with
 * commas; `closed` or `silent` when nothing was said, `no h2 offered` where the other side does not speak it.
 */
export async function http2(frames, options = {}) {
  const socket = await dial('tls', { ...options, alpn: ['h2'] });
  if (socket.alpnProtocol !== 'h2') {
    socket.destroy();
    return 'no h2 offered';
  }
  const { bytes, how } = await new Promise((resolve) => {
    let received = Buffer.alloc(0);
    let silence;
    const end = (how) => {
      clearTimeout(deadline);
      clearTimeout(silence);
      socket.destroy();
      resolve({ bytes: received, how });
    };
    const deadline = setTimeout(end, DEADLINE_MS, 'silent');
    socket.on('error', () => undefined);
    socket.on('close', () => end('closed'));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      clearTimeout(silence);
      silence = setTimeout(end, SILENCE_MS, 'silent');
    });
    socket.write(Buffer.concat([Buffer.from(PREFACE), frame(TYPE.settings, 0, 0), ...frames]));
  });
  return ends(bytes) || how;
}

function ends(bytes) {
  const bodies = new Map();
  const said = new Map();
  for (let at = 0; at + 9 <= bytes.length;) {
    const length = bytes.readUIntBE(at, 3);
    const type = bytes[at + 3];
    const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    const payload = bytes.subarray(at + 9, at + 9 + length);
    if (type === TYPE.data) bodies.set(stream, (bodies.get(stream) ?? '') + payload.toString('utf8'));
    else if (type === TYPE.reset && payload.length === 4 && payload.readUInt32BE(0) !== 0) {
      said.set(stream, `reset ${payload.readUInt32BE(0)}`);
    } else if (type === TYPE.goaway && payload.length >= 8 && payload.readUInt32BE(4) !== 0) {
      said.set(0, `goaway ${payload.readUInt32BE(4)}`);
    }
    at += 9 + length;
  }
  for (const [stream, body] of bodies) said.set(stream, ruleOf(body) ?? 'a body that is no refusal');
  return (
    [...said.entries()]
      .sort(([a], [b]) => (a || 1e9) - (b || 1e9))
      .map(([, how]) => how)
      .join(', ') || 'closed'
  );
}
