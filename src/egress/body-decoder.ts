// Takes a body out of its framing as the bytes arrive: data is passed on at once, never collected.
import type { Fault } from './fields.ts';
import { createChunkedDecoder } from './chunked.ts';
import type { BodyDecoder, Framing } from './framing.ts';

export function createBodyDecoder(framing: Framing, fault: Fault): BodyDecoder {
  switch (framing.kind) {
    case 'none':
      return createLengthDecoder(0, fault);
    case 'length':
      return createLengthDecoder(framing.length, fault);
    case 'chunked':
      return createChunkedDecoder(fault);
    case 'until-close':
      return createUntilCloseDecoder();
    default:
      throw fault('a framing that is not known');
  }
}

function createLengthDecoder(length: number, fault: Fault): BodyDecoder {
  let left = length;
  return {
    get done() {
      return left === 0;
    },
    decode(bytes, data) {
      const taken = Math.min(left, bytes.length);
      if (taken > 0) data.push(taken === bytes.length ? bytes : bytes.subarray(0, taken));
      left -= taken;
      return taken;
    },
    end() {
      if (left > 0) throw fault('a body that ends before its Content-Length');
    },
  };
}

function createUntilCloseDecoder(): BodyDecoder {
  let done = false;
  return {
    get done() {
      return done;
    },
    decode(bytes, data) {
      data.push(bytes);
      return bytes.length;
    },
    end() {
      done = true;
    },
  };
}
