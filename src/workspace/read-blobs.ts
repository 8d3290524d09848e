// Many stored blobs at once. How much is held at once is the caller's to say: sizes come first, contents after.
import type { BaseStore } from './base-store.ts';
import { withReading } from './object-reading.ts';

/** Bytes by name. What is gone or no blob is not in the answer. */
export async function blobSizes(store: BaseStore, oids: Iterable<string>): Promise<Map<string, number>> {
  const wanted = [...new Set(oids)];
  const found = wanted.length === 0 ? [] : await withReading(store, (reading) => reading.sizes(wanted));
  return new Map(
    wanted.flatMap((oid, index) => {
      const head = found[index];
      return head?.type === 'blob' ? [[oid, head.size] as const] : [];
    }),
  );
}

/** Contents by name; what is gone is not in the answer. The buffers are parts of larger ones. */
export async function readBlobs(store: BaseStore, oids: Iterable<string>): Promise<Map<string, Buffer>> {
  const wanted = [...new Set(oids)];
  const found = wanted.length === 0 ? [] : await withReading(store, (reading) => reading.contents(wanted));
  return new Map(found.flatMap((object) => (object === undefined ? [] : [[object.oid, object.contents] as const])));
}
