// Collects the bytes of one message head from a connection, within a bound of bytes and of time.
import type { ByteReader } from './byte-reader.ts';
import type { Fault } from './fields.ts';

export interface ReadHeadOptions {
  maxBytes: number;
  /** From the first byte to the last. */
  timeoutMs: number;
  fault: Fault;
  /** Ends the connection's reading when the time is over. */
  onTimeout: () => void;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** The head up to and with its empty line; undefined when the sender closed before its first byte. Throws a Refusal. */
export async function readHead(reader: ByteReader, options: ReadHeadOptions): Promise<Buffer | undefined> {
  let head = await reader.read();
  if (head === undefined) return undefined;
  let searched = 0;
  let timedOut = false;
  let timer: NodeJS.Timeout | undefined;
  try {
    for (;;) {
      const end = head.indexOf(HEAD_END, searched);
      if (end !== -1) {
        reader.unread(head.subarray(end + 4));
        return head.subarray(0, end + 4);
      }
      refuseBareLineFeed(head, searched, options.fault);
      if (head.length > options.maxBytes) throw options.fault('a head that is too large', 431);
      timer ??= setTimeout(() => {
        timedOut = true;
        options.onTimeout();
      }, options.timeoutMs);
      searched = Math.max(0, head.length - 3);
      const more: Buffer | undefined = await reader.read();
      if (more === undefined) throw options.fault('a head that ends before its empty line');
      head = Buffer.concat([head, more]);
    }
  } catch (error) {
    if (timedOut) throw options.fault('a head that was not complete in time', 408);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** A head with bare line feeds might never show the empty line that is waited for. */
function refuseBareLineFeed(head: Buffer, from: number, fault: Fault): void {
  for (let at = head.indexOf(0x0a, from); at !== -1; at = head.indexOf(0x0a, at + 1)) {
    if (at === 0 || head[at - 1] !== 0x0d) throw fault('a bare line feed in the message head');
  }
}
