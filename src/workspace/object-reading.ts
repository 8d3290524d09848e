// Stored objects by name. Whoever looks more than once keeps one git open that answers; a single look starts one for itself.
import type { Companion } from '../platform/companion.ts';
import type { BaseStore, ObjectReading } from './base-store.ts';
import { openGit } from './git.ts';

/** The store with a git that reads it, until `work` is done. */
export async function withOpenStore<T>(store: BaseStore, work: (store: BaseStore) => Promise<T>): Promise<T> {
  if (store.reading !== undefined) return work(store);
  const reading = openReading(store);
  try {
    return await work({ ...store, reading });
  } finally {
    reading.close();
  }
}

export function withReading<T>(store: BaseStore, work: (reading: ObjectReading) => Promise<T>): Promise<T> {
  return withOpenStore(store, async ({ reading = openReading(store) }) => work(reading));
}

/** Starts nothing before it is asked. */
function openReading({ gitDir }: BaseStore): ObjectReading {
  const whole = inTurn(() => openGit(['cat-file', '--batch'], { gitDir }));
  const heads = inTurn(() => openGit(['cat-file', '--batch-check'], { gitDir }));
  return {
    trees: new Map(),
    contents: (oids) =>
      whole.ask(oids, async (git) => {
        const head = await readHead(git);
        if (head === undefined) return undefined;
        const contents = await git.read(head.size + 1);
        return { oid: head.oid, type: head.type, contents: contents.subarray(0, head.size) };
      }),
    sizes: (oids) => heads.ask(oids, readHead),
    close() {
      whole.close();
      heads.close();
    },
  };
}

/** `OID SP TYPE SP SIZE`, or `OID SP missing`. */
async function readHead(git: Companion): Promise<{ oid: string; type: string; size: number } | undefined> {
  const [oid = '', type = '', size] = (await git.readLine()).toString('latin1').split(' ');
  return size === undefined ? undefined : { oid, type, size: Number(size) };
}

/** Questions of several askers, answered one after another by one program. */
function inTurn(start: () => Companion): {
  ask: <T>(oids: readonly string[], readAnswer: (git: Companion) => Promise<T>) => Promise<T[]>;
  close: () => void;
} {
  let git: Companion | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    ask(oids, readAnswer) {
      if (oids.length === 0) return Promise.resolve([]);
      const asked = (git ??= start());
      // Names are told from line breaks by nothing: an answer too many would be read as that to the next question.
      asked.ask(`${oids.map(nameOnly).join('\n')}\n`);
      const answers = last.then(async () => {
        const read = [];
        for (let count = 0; count < oids.length; count++) read.push(await readAnswer(asked));
        return read;
      });
      last = answers.catch(() => undefined);
      return answers;
    },
    close: () => git?.end(),
  };
}

function nameOnly(oid: string): string {
  if (!/^[0-9a-f]+$/.test(oid)) throw new Error(`no name of an object: ${JSON.stringify(oid)}`);
  return oid;
}
