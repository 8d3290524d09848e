// Reads the host's copy of an agent's output piece by piece, each with the time when it was there, as far as it has got. What has
// no time yet is not there yet. Holds one piece at a time, however long the output is.
import { closeSync, openSync, readSync } from 'node:fs';
import { systemErrorCode } from '../platform/errors.ts';
import { splitLines } from './lines.ts';
import { parseTime, type OutputTime } from './output-times.ts';

const CHUNK_BYTES = 65_536;

interface OutputPiece {
  timeMs: number;
  bytes: Buffer;
}

export interface OutputReader {
  /** The next piece; undefined while there is no more. Its bytes are good until the next call. */
  next(): OutputPiece | undefined;
  close(): void;
}

export function readOutput({ bytes, times }: { bytes: string; times: string }): OutputReader {
  const output = tail(bytes);
  const timeLines = splitLines(64);
  const clocks = tail(times);
  const waiting: OutputTime[] = [];
  let from = 0;
  const refill = (): void => {
    const piece = clocks.read(CHUNK_BYTES);
    if (piece === undefined) return;
    for (const { text } of timeLines.push(piece)) {
      const time = parseTime(text);
      if (time !== undefined && time.end > (waiting.at(-1)?.end ?? from)) waiting.push(time);
    }
  };
  return {
    next() {
      if (waiting.length === 0) refill();
      const [time] = waiting;
      if (time === undefined) return undefined;
      const piece = output.read(Math.min(CHUNK_BYTES, time.end - from));
      if (piece === undefined) return undefined;
      from += piece.length;
      if (from >= time.end) waiting.shift();
      return { timeMs: time.timeMs, bytes: piece };
    },
    close() {
      output.close();
      clocks.close();
    },
  };
}

interface Tail {
  /** What comes next, up to so many bytes; undefined where there is nothing. */
  read(most: number): Buffer | undefined;
  close(): void;
}

function tail(path: string): Tail {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let fd: number | undefined;
  return {
    read(most) {
      fd ??= openIfThere(path);
      if (fd === undefined) return undefined;
      const length = readSync(fd, chunk, 0, most, null);
      return length === 0 ? undefined : chunk.subarray(0, length);
    },
    close() {
      if (fd !== undefined) closeSync(fd);
    },
  };
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
