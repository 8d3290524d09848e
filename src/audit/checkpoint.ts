// What is kept beside an audit log about the log: a record that must be in it, and where it begins. It shows that last records
// were cut off, which a chain by itself cannot, and tells files that were rotated away from files that were taken.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { CHECKPOINT_FILE } from './log-names.ts';
import { EMPTY_CHAIN, GENESIS_HASH, type ChainHead } from './record-line.ts';

/** The record that must be in the log; seq 0 when none must be yet. */
export interface Checkpoint extends ChainHead {
  /** The first record that is kept, and the hash of the one before it. */
  firstSeq: number;
  firstPrev: string;
}

export const FIRST_CHECKPOINT: Checkpoint = { ...EMPTY_CHAIN, firstSeq: 1, firstPrev: GENESIS_HASH };

const MAX_BYTES = 1024;

export function readCheckpoint(directory: string): Checkpoint | 'none' | 'broken' {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let fd: number;
  try {
    fd = openSync(join(directory, CHECKPOINT_FILE), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT' ? 'none' : 'broken';
  }
  try {
    const buffer = Buffer.alloc(MAX_BYTES);
    return parseCheckpoint(buffer.toString('utf8', 0, readSync(fd, buffer))) ?? 'broken';
  } catch {
    return 'broken';
  } finally {
    closeSync(fd);
  }
}

const FORM = /^\{"seq":(\d{1,16}),"hash":"([0-9a-f]{64})","firstSeq":(\d{1,16}),"firstPrev":"([0-9a-f]{64})"\}\n$/;

function parseCheckpoint(text: string): Checkpoint | undefined {
  const [, seqText, hash, firstText, firstPrev] = FORM.exec(text) ?? [];
  if (hash === undefined || firstPrev === undefined) return undefined;
  const seq = Number(seqText);
  const firstSeq = Number(firstText);
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(firstSeq) || firstSeq < 1) return undefined;
  return { seq, hash, firstSeq, firstPrev };
}

/** Replaces the checkpoint whole. `synced`: survives a power failure; what it speaks of must be on the disk before. */
export async function writeCheckpoint(
  directory: string,
  { seq, hash, firstSeq, firstPrev }: Checkpoint,
  { synced }: { synced: boolean },
): Promise<void> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_RDONLY, O_DIRECTORY } = constants;
  // Always the same name: there is one writer, and a killed one leaves one file behind at most.
  const next = join(directory, `${CHECKPOINT_FILE}.new`);
  const handle = await open(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ seq, hash, firstSeq, firstPrev })}\n`);
    if (synced) await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(next, join(directory, CHECKPOINT_FILE));
  if (!synced) return;
  const parent = await open(directory, O_RDONLY | O_DIRECTORY);
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}
