// The chunked transfer coding, decoded byte by byte where lines are and by slices where data is. Extensions are dropped,
// trailers are checked and kept. Bounds: one line, all trailers, one chunk's size.
import { parseFields, splitHead, type Fault, type Field } from './fields.ts';
import type { BodyDecoder } from './framing.ts';

/** Bytes of a size line with its extensions. */
const MAX_LINE_BYTES = 256;
const MAX_TRAILER_BYTES = 8192;
const MAX_TRAILERS = 32;

type State = 'size' | 'data' | 'data-end' | 'trailers' | 'done';

export function createChunkedDecoder(fault: Fault): BodyDecoder {
  let state: State = 'size';
  let left = 0;
  let line = '';
  let trailers: readonly Field[] = [];

  /** Reads one line that ends in CRLF; gives the position behind it, with `complete` set. */
  function readLine(bytes: Buffer, from: number, maxBytes: number): { next: number; complete: boolean } {
    const lineFeed = bytes.indexOf(0x0a, from);
    const next = lineFeed === -1 ? bytes.length : lineFeed + 1;
    if (line.length + next - from > maxBytes) throw fault('a chunk line that is too long');
    line += bytes.toString('latin1', from, next);
    return { next, complete: lineFeed !== -1 };
  }

  function takeSize(): void {
    const match = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e]*)?\r\n$/.exec(line);
    if (match === null) throw fault('a chunk size that is not a plain hexadecimal number');
    line = '';
    left = Number.parseInt(match[1] ?? '', 16);
    state = left === 0 ? 'trailers' : 'data';
  }

  function takeTrailers(): boolean {
    if (line === '\r\n') return true;
    if (!line.endsWith('\r\n\r\n')) return false;
    trailers = parseFields(splitHead(line, fault), 0, MAX_TRAILERS, fault);
    return true;
  }

  return {
    get done() {
      return state === 'done';
    },
    decode(bytes, data) {
      let at = 0;
      while (at < bytes.length) {
        switch (state) {
          case 'size': {
            const { next, complete } = readLine(bytes, at, MAX_LINE_BYTES);
            at = next;
            if (complete) takeSize();
            break;
          }
          case 'data': {
            const end = Math.min(at + left, bytes.length);
            data.push(bytes.subarray(at, end));
            left -= end - at;
            at = end;
            if (left === 0) state = 'data-end';
            break;
          }
          case 'data-end': {
            const { next, complete } = readLine(bytes, at, 2);
            at = next;
            if (!complete) break;
            if (line !== '\r\n') throw fault('a chunk that does not end where its size says');
            line = '';
            state = 'size';
            break;
          }
          case 'trailers': {
            const { next, complete } = readLine(bytes, at, MAX_TRAILER_BYTES);
            at = next;
            if (complete && takeTrailers()) state = 'done';
            break;
          }
          case 'done':
            return at;
          default:
            throw fault('a chunk state that is not known');
        }
      }
      return at;
    },
    trailers: () => trailers,
    end() {
      if (state !== 'done') throw fault('a chunked body that ends before its last chunk');
    },
  };
}
