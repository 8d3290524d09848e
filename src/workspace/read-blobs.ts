// Reads many stored blobs in few processes, within a bound on memory.
import type { BaseStore } from './base-store.ts';
import { git } from './git.ts';

const BATCH_BYTES = 32 * 1024 * 1024;

/** Contents by name. A blob of more than `maxBytes`, or one that is gone, is not in the answer. */
export async function forEachBlob(
  store: BaseStore,
  oids: Iterable<string>,
  visit: (oid: string, contents: Buffer) => void,
  maxBytes: number,
): Promise<void> {
  const wanted = [...new Set(oids)];
  if (wanted.length === 0) return;
  const call = { gitDir: store.gitDir };
  const checked = await git(['cat-file', '--batch-check'], { ...call, input: `${wanted.join('\n')}\n` });
  let batch: string[] = [];
  let bytes = 0;
  for (const line of checked.stdout.toString('latin1').split('\n')) {
    const [oid, type, size] = line.split(' ');
    if (oid === undefined || type !== 'blob' || Number(size) > maxBytes) continue;
    batch.push(oid);
    bytes += Number(size);
    if (bytes < BATCH_BYTES) continue;
    await readBatch(store, batch, visit);
    batch = [];
    bytes = 0;
  }
  await readBatch(store, batch, visit);
}

async function readBatch(
  store: BaseStore,
  oids: readonly string[],
  visit: (oid: string, contents: Buffer) => void,
): Promise<void> {
  if (oids.length === 0) return;
  const { stdout } = await git(['cat-file', '--batch'], { gitDir: store.gitDir, input: `${oids.join('\n')}\n` });
  for (let at = 0; at < stdout.length;) {
    const lineEnd = stdout.indexOf(0x0a, at);
    const [oid = '', , size] = stdout.toString('latin1', at, lineEnd).split(' ');
    const end = lineEnd + 1 + Number(size);
    visit(oid, stdout.subarray(lineEnd + 1, end));
    at = end + 1;
  }
}
