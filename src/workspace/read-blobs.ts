// Reads many stored blobs in few processes. How much is held at once is the caller's to say: sizes come first, contents after.
import type { BaseStore } from './base-store.ts';
import { git } from './git.ts';

/** Bytes by name, in one process. What is gone or no blob is not in the answer. */
export async function blobSizes(store: BaseStore, oids: Iterable<string>): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const wanted = [...new Set(oids)];
  if (wanted.length === 0) return sizes;
  const call = { gitDir: store.gitDir, input: `${wanted.join('\n')}\n` };
  const { stdout } = await git(['cat-file', '--batch-check'], call);
  for (const line of stdout.toString('latin1').split('\n')) {
    const [oid, type, size] = line.split(' ');
    if (oid !== undefined && type === 'blob') sizes.set(oid, Number(size));
  }
  return sizes;
}

/** Contents by name, in one process; all of them must be there. The buffers are parts of one. */
export async function readBlobs(store: BaseStore, oids: Iterable<string>): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  const wanted = [...new Set(oids)];
  if (wanted.length === 0) return contents;
  const { stdout } = await git(['cat-file', '--batch'], { gitDir: store.gitDir, input: `${wanted.join('\n')}\n` });
  for (let at = 0; at < stdout.length;) {
    const lineEnd = stdout.indexOf(0x0a, at);
    const [oid = '', , size] = stdout.toString('latin1', at, lineEnd).split(' ');
    const end = lineEnd + 1 + Number(size);
    contents.set(oid, stdout.subarray(lineEnd + 1, end));
    at = end + 1;
  }
  return contents;
}
