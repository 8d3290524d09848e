// Reads back what was kept of exchanges. The file may end in the middle of a frame, be rotated away while it is read, or hold
// anything at all: what is no frame ends the reading of that file, and memory holds one exchange at a time beside an index.
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import {
  CAPTURE_FILE,
  CAPTURE_FILE_BEFORE,
  FRAME,
  HEADER_BYTES,
  readFrameHeader,
  type FrameHeader,
} from './capture-format.ts';

export interface CapturedFrame extends FrameHeader {
  content: Buffer;
}

export interface CaptureIndex {
  /** Frames of the exchange whose decision has this seq, in order; none where nothing was kept. */
  framesOf(seq: number): Promise<CapturedFrame[]>;
  /** Whether frames are known to be missing. */
  hasGaps: boolean;
  close(): Promise<void>;
}

const CHUNK_BYTES = 256 * 1024;
/** Frames of one exchange that are read back. */
const MAX_FRAMES = 4096;

/** Opens what is kept in an audit directory. */
export async function openCaptureIndex(directory: string): Promise<CaptureIndex> {
  const files = (
    await Promise.all([CAPTURE_FILE_BEFORE, CAPTURE_FILE].map((name) => openIfPresent(directory, name)))
  ).filter((file) => file !== undefined);
  /** Of each seq, turns of a file's number and a frame's position. */
  const places = new Map<number, number[]>();
  let hasGaps = false;
  for (const [number, file] of files.entries()) {
    for await (const { header, position } of scan(file)) {
      if (header.kind === FRAME.gap) hasGaps = true;
      const known = places.get(header.seq);
      if (known === undefined) places.set(header.seq, [number, position]);
      else if (known.length < 2 * MAX_FRAMES) known.push(number, position);
      else hasGaps = true;
    }
  }
  return {
    hasGaps,
    async framesOf(seq) {
      const known = places.get(seq) ?? [];
      const frames: CapturedFrame[] = [];
      for (let index = 0; index + 1 < known.length; index += 2) {
        const file = files[known[index] ?? 0];
        const frame = file === undefined ? undefined : await readFrame(file, known[index + 1] ?? 0);
        if (frame !== undefined) frames.push(frame);
      }
      return frames;
    },
    async close() {
      await Promise.all(files.map((file) => file.close()));
    },
  };
}

/** How much of a file is whole frames: behind that nothing could be read. */
export async function wholeFrameBytes(file: FileHandle): Promise<number> {
  let bytes = 0;
  for await (const { header, position } of scan(file)) bytes = position + HEADER_BYTES + header.bytes;
  return bytes;
}

/** Positions of the whole frames of a file, from its beginning to the first thing that is none. */
async function* scan(file: FileHandle): AsyncGenerator<{ header: FrameHeader; position: number }> {
  const { size } = await file.stat();
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let held = 0;
  let start = 0;
  for (let position = 0; ;) {
    if (position + HEADER_BYTES > start + held) {
      start = position;
      held = (await file.read(chunk, 0, CHUNK_BYTES, start)).bytesRead;
    }
    const header = position + HEADER_BYTES > start + held ? undefined : readFrameHeader(chunk, position - start);
    if (header === undefined || position + HEADER_BYTES + header.bytes > size) return;
    yield { header, position };
    position += HEADER_BYTES + header.bytes;
  }
}

async function readFrame(file: FileHandle, position: number): Promise<CapturedFrame | undefined> {
  const head = Buffer.alloc(HEADER_BYTES);
  await file.read(head, 0, HEADER_BYTES, position);
  const header = readFrameHeader(head, 0);
  if (header === undefined) return undefined;
  const content = Buffer.alloc(header.bytes);
  const { bytesRead } = await file.read(content, 0, header.bytes, position + HEADER_BYTES);
  return bytesRead === header.bytes ? { ...header, content } : undefined;
}

async function openIfPresent(directory: string, name: string): Promise<FileHandle | undefined> {
  try {
    return await open(join(directory, name), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
