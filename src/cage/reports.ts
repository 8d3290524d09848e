// Long texts about a cage as files, for whoever was told only their beginning. One of each name: the next one takes its place, and all
// of them go away with the cage.
import { join } from 'node:path';
import { makeDirectory, writeFileAtomic } from '../platform/files.ts';
import type { PieceWriter } from '../platform/processes.ts';
import { printable } from '../platform/text.ts';
import type { Context } from './context.ts';
import { cageExists, cagePaths, noSuchCage } from './store.ts';

export type ReportName = 'change.diff' | 'review.txt' | 'log.txt' | 'message.txt';

/** Of one; what is more is left out and said to be. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Writes the pieces that `tell` hands on, made printable, and returns the absolute path. Throws E_NO_CAGE. */
export async function keepReport(
  context: Context,
  cage: string,
  name: ReportName,
  tell: (write: PieceWriter) => Promise<unknown>,
): Promise<string> {
  if (!cageExists(context, cage)) throw noSuchCage(cage);
  const pieces: Buffer[] = [];
  let room = MAX_BYTES;
  await tell((piece) => {
    pieces.push(piece.subarray(0, room));
    room -= piece.length;
    return Promise.resolve(room > 0);
  });
  if (room <= 0) pieces.push(Buffer.from('\n… the rest is left out\n'));
  const directory = cagePaths(context, cage).reports;
  makeDirectory(directory);
  const path = join(directory, name);
  writeFileAtomic(path, printable(Buffer.concat(pieces).toString('utf8')), { synced: false });
  return path;
}
