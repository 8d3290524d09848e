// How the commands of `policy` name their cage: as a word, or with --cage where a word could be a rule too.
import type { ArgumentSpec, Invocation, Opened, OptionSpec, Session } from '../command.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

export const CAGE: ArgumentSpec = {
  name: 'CAGE',
  summary: 'default: the cage of the current project',
  required: false,
};

export const CAGE_OPTION: OptionSpec = {
  name: 'cage',
  value: 'CAGE',
  summary: 'the cage, where a first word could be a rule too',
};

export function namedCage(opened: Opened, session: Session, { word, flags }: Invocation): Promise<string> {
  const byFlag = flags.text('cage');
  if (byFlag !== undefined && word('CAGE') !== undefined) {
    throw usageError('the cage is named twice', { hint: 'name it as a word or with --cage, not both' });
  }
  return targetCage(opened, session, byFlag ?? word('CAGE'));
}
