// Keeps exchanges for people to look at, off the way of every request: frames are collected in memory and written behind its
// back. Bounded everywhere: each body, each file, and what may wait for the disk; beyond that frames are dropped and the gap
// is noted. It is given nothing that holds a secret's value: heads before injection, answers after redaction.
import { constants } from 'node:fs';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CAPTURE_FILE,
  CAPTURE_FILE_BEFORE,
  FRAME,
  HEADER_BYTES,
  MAX_FRAME_BYTES,
  writeFrameHeader,
  type FrameKind,
} from '../audit/capture-format.ts';
import { wholeFrameBytes } from '../audit/capture-read.ts';
import type { Clock } from '../platform/clock.ts';
import type { Capture, CapturedExchange } from './capture.ts';
import type { Field } from './fields.ts';

export interface CaptureLimits {
  /** Of each body and each WebSocket message, in each direction. */
  maxBodyBytes: number;
  /** WebSocket messages of one exchange, in all, with what each costs in the file beside its bytes. */
  maxMessageBytesOfAll: number;
  /** Of one file; the one before it is kept as well. */
  maxFileBytes: number;
  /** What may wait for the disk. */
  maxPendingBytes: number;
}

export const CAPTURE_LIMITS: CaptureLimits = {
  maxBodyBytes: 64 * 1024,
  maxMessageBytesOfAll: 1024 * 1024,
  maxFileBytes: 64 * 1024 * 1024,
  maxPendingBytes: 8 * 1024 * 1024,
};

const BLOCK_BYTES = 256 * 1024;
const MAX_SPARE_BLOCKS = 2;
const WRITE_DELAY_MS = 100;

export async function createCapture(directory: string, limits: CaptureLimits, clock: Clock): Promise<Capture> {
  let file = await openFile(directory);
  // Of an egress that was killed a frame may be half there, and would swallow what is written behind it.
  let fileBytes = await wholeFrameBytes(file);
  let hasGap = fileBytes < (await file.stat()).size;
  if (hasGap) await file.truncate(fileBytes);
  let block: Buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  let filled = 0;
  let waiting: Buffer[] = [];
  /** Blocks that were written, to be filled anew. */
  const spare: Buffer[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;

  function append(kind: FrameKind, seq: number, bytes: number, fill: (target: Buffer, at: number) => void): void {
    if (bytes > MAX_FRAME_BYTES || waitingBytes + filled + bytes > limits.maxPendingBytes) {
      hasGap = true;
      return;
    }
    if (hasGap) {
      hasGap = false;
      append(FRAME.gap, 0, 0, () => undefined);
    }
    const needed = HEADER_BYTES + bytes;
    if (filled + needed > block.length) {
      setBlockAside(needed);
      write();
    }
    writeFrameHeader(block, filled, bytes, kind, seq, clock.now());
    fill(block, filled + HEADER_BYTES);
    filled += needed;
    timer ??= setTimeout(write, WRITE_DELAY_MS).unref();
  }

  function setBlockAside(needed: number): void {
    if (filled > 0) {
      waiting.push(block.subarray(0, filled));
      waitingBytes += filled;
      filled = 0;
      block = (needed <= BLOCK_BYTES ? spare.pop() : undefined) ?? Buffer.allocUnsafe(Math.max(BLOCK_BYTES, needed));
    } else if (block.length < needed) block = Buffer.allocUnsafe(needed);
  }

  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    if (writing !== undefined) return;
    setBlockAside(0);
    if (waiting.length === 0) return;
    writing = writeWaiting().finally(() => {
      writing = undefined;
      if (waitingBytes + filled > 0) timer ??= setTimeout(write, WRITE_DELAY_MS).unref();
    });
  }

  async function writeWaiting(): Promise<void> {
    const blocks = waiting;
    const bytes = waitingBytes;
    waiting = [];
    try {
      if (fileBytes > 0 && fileBytes + bytes > limits.maxFileBytes) await rotate();
      for (const each of blocks) await writeWhole(file, each);
      fileBytes += bytes;
    } catch {
      // A full disk: what waited is lost, and what is half in the file ends the reading of this file.
      hasGap = true;
      await rotate().catch(() => undefined);
    }
    waitingBytes -= bytes;
    for (const { buffer } of blocks) {
      if (spare.length < MAX_SPARE_BLOCKS && buffer.byteLength === BLOCK_BYTES) spare.push(Buffer.from(buffer));
    }
  }

  async function rotate(): Promise<void> {
    await file.close();
    await rename(join(directory, CAPTURE_FILE), join(directory, CAPTURE_FILE_BEFORE));
    file = await openFile(directory);
    fileBytes = 0;
  }

  const appendText = (kind: FrameKind, seq: number, text: string) =>
    append(kind, seq, text.length, (target, at) => void target.write(text, at, 'latin1'));

  return {
    open: (seq) => captureExchange(seq, limits, append, appendText),
    async close() {
      await writing;
      write();
      await writing;
      await file.close();
    },
  };
}

type Append = (kind: FrameKind, seq: number, bytes: number, fill: (target: Buffer, at: number) => void) => void;
type AppendText = (kind: FrameKind, seq: number, text: string) => void;

function captureExchange(seq: number, limits: CaptureLimits, append: Append, appendText: AppendText): CapturedExchange {
  let requestLeft = limits.maxBodyBytes;
  let responseLeft = limits.maxBodyBytes;
  let messagesLeft = limits.maxMessageBytesOfAll;
  const isMarked = { in: false, out: false };

  /** Gives what is left. */
  function keep(kind: FrameKind, cut: FrameKind, pieces: readonly Buffer[], left: number): number {
    for (const piece of pieces) {
      if (left <= 0) return left;
      const bytes = Math.min(left, piece.length);
      append(kind, seq, bytes, (target, at) => void piece.copy(target, at, 0, bytes));
      left -= bytes;
      if (bytes < piece.length || left === 0) append(cut, seq, 0, () => undefined);
    }
    return left;
  }

  return {
    request: ({ version, method, url, fields }) =>
      appendText(FRAME.request, seq, `${method} ${url} ${version}\n${fieldLines(fields)}`),
    requestBody(pieces) {
      requestLeft = keep(FRAME.requestBody, FRAME.requestCut, pieces, requestLeft);
    },
    response: ({ version, status, reason, fields }) =>
      appendText(FRAME.response, seq, `${version} ${status} ${reason}\n${fieldLines(fields)}`),
    responseBody(pieces) {
      responseLeft = keep(FRAME.responseBody, FRAME.responseCut, pieces, responseLeft);
    },
    message(direction, kind, bytes, isCut) {
      const isText = kind === 'text';
      const out = isText ? FRAME.messageOutText : FRAME.messageOutBinary;
      const frame = direction === 'out' ? out : isText ? FRAME.messageInText : FRAME.messageInBinary;
      const cut = direction === 'out' ? FRAME.requestCut : FRAME.responseCut;
      const room = Math.min(limits.maxBodyBytes, messagesLeft - HEADER_BYTES);
      if (room < 0) {
        // Once: marks cost as much as empty messages do.
        if (!isMarked[direction]) append(cut, seq, 0, () => undefined);
        isMarked[direction] = true;
        messagesLeft = 0;
        return;
      }
      const kept = Math.min(bytes.length, room);
      append(frame, seq, kept, (target, at) => void bytes.copy(target, at, 0, kept));
      messagesLeft -= HEADER_BYTES + kept;
      if (!isCut && kept === bytes.length) return;
      append(cut, seq, 0, () => undefined);
      messagesLeft -= HEADER_BYTES;
    },
    end: () => append(FRAME.end, seq, 0, () => undefined),
  };
}

function fieldLines(fields: readonly Field[]): string {
  let text = '';
  for (const { spelled, value } of fields) text += `${spelled}: ${value}\n`;
  return text;
}

function openFile(directory: string): Promise<FileHandle> {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  return open(join(directory, CAPTURE_FILE), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
}

async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
  }
}
