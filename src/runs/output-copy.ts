// Takes what an agent has written into its cage's bus over into a file that the cage cannot reach, byte by byte, and notes when
// how much of it was there. How far it has come is the size of that file: whoever goes on after a crash loses nothing.
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { Clock } from '../platform/clock.ts';
import { formatTime } from './output-times.ts';

const CHUNK_BYTES = 65_536;
/** In one turn: others want to be looked at as well. */
const TURN_BYTES = 4 * 2 ** 20;

export interface OutputCopy {
  /** Takes over what is there now, up to a bound; how many bytes. `take` gets each piece after it is on file. */
  turn(take: (piece: Buffer) => void): number;
  /** What was taken over before, piece by piece: there may be more of it than fits into memory. */
  again(take: (piece: Buffer) => void): void;
  /** Bytes inside that were not taken over yet. */
  left(): number;
  /** Bytes taken over so far. */
  size(): number;
  /** There were fewer bytes inside than before: somebody cut it. */
  wasCut(): boolean;
  close(): void;
}

export interface OutputSource {
  /** The file inside; undefined while there is none. */
  open(): number | undefined;
  target: { bytes: string; times: string };
  clock: Clock;
  /** No more is taken over than this: a file inside may claim any size at no cost. */
  maxBytes: number;
}

const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;

export function copyOutput(from: OutputSource): OutputCopy {
  const { target, clock, maxBytes } = from;
  const bytes = openSync(target.bytes, APPEND, 0o600);
  const times = openSync(target.times, APPEND, 0o600);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let source: number | undefined;
  let size = fstatSync(bytes).size;
  let done = size;
  let isCut = false;
  // What a crash left without a time.
  if (size > 0) writeAll(times, Buffer.from(formatTime(size, clock.now())));
  return {
    turn(take) {
      source ??= from.open();
      if (source === undefined) return 0;
      const there = fstatSync(source).size;
      if (there < done) {
        isCut = true;
        done = there;
      }
      let taken = 0;
      while (taken < TURN_BYTES && size < maxBytes) {
        const length = readSync(source, chunk, 0, Math.min(CHUNK_BYTES, maxBytes - size), done);
        if (length === 0) break;
        const piece = chunk.subarray(0, length);
        writeAll(bytes, piece);
        size += length;
        done += length;
        taken += length;
        writeAll(times, Buffer.from(formatTime(size, clock.now())));
        take(piece);
      }
      return taken;
    },
    again(take) {
      const copied = openSync(target.bytes, 'r');
      try {
        const piece = Buffer.alloc(CHUNK_BYTES);
        for (let length = 1; length > 0;) {
          length = readSync(copied, piece, 0, CHUNK_BYTES, null);
          take(piece.subarray(0, length));
        }
      } finally {
        closeSync(copied);
      }
    },
    left() {
      source ??= from.open();
      if (source === undefined) return 0;
      return Math.max(0, Math.min(fstatSync(source).size - done, maxBytes - size));
    },
    size: () => size,
    wasCut: () => isCut,
    close() {
      for (const fd of [bytes, times, source]) if (fd !== undefined) closeSync(fd);
    },
  };
}

function writeAll(fd: number, data: Buffer): void {
  for (let written = 0; written < data.length;) written += writeSync(fd, data, written);
}
