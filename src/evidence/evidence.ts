// Evidence as callers ask for it: written to a file, checked, or sent on as traces.
import { resolve } from 'node:path';
import type { Context } from '../cage/context.ts';
import { writePieces } from '../platform/write-pieces.ts';
import { checkLines, type EvidenceCheck } from './chain.ts';
import { evidenceLines, type EvidenceRequest } from './collect.ts';

/** Writes a file, whole or not at all. `head`: hash of its last line, by which it can be named elsewhere. */
export async function writeEvidence(
  context: Context,
  request: EvidenceRequest,
  file: string,
): Promise<{ records: number; head: string }> {
  let records = 0;
  let head = '';
  async function* counted(): AsyncGenerator<string> {
    for await (const line of evidenceLines(context, request)) {
      records += 1;
      head = /"hash":"([0-9a-f]{64})"\}\n$/.exec(line)?.[1] ?? '';
      yield line;
    }
  }
  await writePieces(resolve(context.cwd, file), counted());
  return { records, head };
}

/** Checks what would be written now, the record of the cage's traffic with it. */
export async function checkEvidence(context: Context, request: EvidenceRequest): Promise<EvidenceCheck> {
  return checkLines(evidenceLines(context, request));
}

/** Text in pieces as a file of the user's. */
export async function writeText(context: Context, file: string, pieces: AsyncIterable<string>): Promise<void> {
  await writePieces(resolve(context.cwd, file), pieces);
}
