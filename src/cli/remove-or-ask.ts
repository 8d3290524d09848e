// A removal that the library refuses because it would lose work: named, and done only after a typed yes. Nobody to ask means no.
import { toIronError, type IronError } from '../platform/errors.ts';
import type { Session } from './command.ts';
import { outline } from './outline.ts';
import { confirmTyped } from './prompt.ts';

export interface Removal {
  remove: (options: { discard: boolean }) => Promise<unknown>;
  discard: boolean;
  mayAsk: boolean;
  question: string;
}

/** False when the person said no. */
export async function removeOrAsk(session: Session, { remove, discard, mayAsk, question }: Removal): Promise<boolean> {
  const refusal = await remove({ discard }).then(
    (): undefined => undefined,
    (error: unknown): IronError => {
      const known = toIronError(error);
      if (known.code === 'E_UNEXPORTED' && mayAsk && !discard) return known;
      throw error;
    },
  );
  if (refusal === undefined) return true;
  session.output.tell(refusal.message);
  for (const line of outline(refusal.details)) session.output.tell('  ', line);
  if (!(await confirmTyped(session, question))) return false;
  await remove({ discard: true });
  return true;
}
