// The traffic of a cage as one HAR document: the audit says what happened, the capture how it looked. In pieces, so that a
// hundred thousand exchanges need no memory.
import { resolve } from 'node:path';
import { openCaptureIndex } from '../audit/capture-read.ts';
import { harEntry } from '../audit/har-entry.ts';
import type { AuditRecord } from '../audit/record.ts';
import { readVersion } from '../platform/version.ts';
import { writePieces } from '../platform/write-pieces.ts';
import { auditCage, auditDirectory, auditFilter, type AuditQuery } from './audit.ts';
import type { Context } from './context.ts';

/** Kinds of records that HAR has a form for; names, raw TCP and events of the egress are in the audit alone. */
const EXCHANGES: ReadonlySet<AuditRecord['protocol']> = new Set(['http', 'websocket']);

/** `last`: only so many of the newest exchanges. */
export type HarQuery = Omit<AuditQuery, 'follow'> & { last?: number | undefined };

/** The document as text, in pieces. */
export async function* harOfCage(
  context: Context,
  name: string,
  query: HarQuery = {},
  onEntry?: () => void,
): AsyncGenerator<string> {
  // Before anything of the document is out.
  auditFilter(query);
  const index = await openCaptureIndex(auditDirectory(context, name));
  try {
    const comment = index.hasGaps ? { comment: 'frames are missing: the disk did not keep up' } : {};
    const creator = { name: 'ironcage', version: readVersion() };
    yield `{"log":${JSON.stringify({ version: '1.2', creator, pages: [], ...comment }).slice(0, -1)},"entries":[`;
    const skipped = query.last === undefined ? 0 : Math.max(0, (await count(context, name, query)) - query.last);
    let seen = 0;
    for await (const record of auditCage(context, name, query)) {
      if (!EXCHANGES.has(record.protocol)) continue;
      seen += 1;
      if (seen <= skipped) continue;
      const entry = harEntry(record, await index.framesOf(record.seq));
      yield `${seen === skipped + 1 ? '' : ','}\n${harmless(JSON.stringify(entry))}`;
      onEntry?.();
    }
    yield '\n]}}\n';
  } finally {
    await index.close();
  }
}

async function count(context: Context, name: string, query: AuditQuery): Promise<number> {
  let records = 0;
  for await (const record of auditCage(context, name, query)) if (EXCHANGES.has(record.protocol)) records += 1;
  return records;
}

/** Writes the document to a file, whole or not at all; gives the number of exchanges in it. */
export async function writeHar(context: Context, name: string, file: string, query: HarQuery = {}): Promise<number> {
  let entries = 0;
  await writePieces(
    resolve(context.cwd, file),
    harOfCage(context, name, query, () => (entries += 1)),
  );
  return entries;
}

/** Escapes what steers terminals or reorders text, as JSON allows for any character. */
function harmless(json: string): string {
  return json.replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
