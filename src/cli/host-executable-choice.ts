// The yes of their own that files need which can run on this machine: by a review, at the terminal, or by a flag.
import { IronError } from '../platform/errors.ts';
import { count, hostExecutableRows } from './change-rows.ts';
import type { OptionSpec, Session } from './command.ts';
import type { Flags } from './flags.ts';
import type { Output } from './output.ts';
import { confirm } from './prompt.ts';
import type { DecidedFile } from './review-library.ts';
import type { HostExecutableChoice } from './work-library.ts';

export const HOST_EXECUTABLE_OPTIONS: readonly OptionSpec[] = [
  { name: 'accept-host-executable', summary: 'take files that can run on the host too' },
  {
    name: 'skip-host-executable',
    conflicts: ['accept-host-executable'],
    summary: 'leave files that can run on the host out',
  },
];

interface Guarded {
  hostExecutable: readonly DecidedFile[];
}

export function showHostExecutable(plan: Guarded, output: Output): void {
  for (const [decision, said] of [
    ['accepted', 'accepted'],
    ['left-out', 'left out'],
  ] as const) {
    const decided = plan.hostExecutable.filter((file) => file.decision === decision);
    if (decided.length > 0) output.tell(`${count(decided.length, 'file')} ${said} in the review`);
  }
  const undecided = undecidedFiles(plan);
  if (undecided.length === 0) return;
  output.tell(['red', `${count(undecided.length, 'file')} can run on this machine:`]);
  output.tellTable(hostExecutableRows(undecided));
}

function undecidedFiles({ hostExecutable }: Guarded): DecidedFile[] {
  return hostExecutable.filter(({ decision }) => decision === 'undecided');
}

/** What a flag says of them, or that there are none to say anything of; undefined: somebody has to be asked. */
export function saidOfHostExecutable(plan: Guarded, flags: Flags): HostExecutableChoice | undefined {
  if (flags.on('accept-host-executable')) return { hostExecutable: 'accept' };
  if (flags.on('skip-host-executable')) return { hostExecutable: 'leave-out' };
  // None now; should the cage add one before it happens, nobody has said yes to it.
  return undecidedFiles(plan).length === 0 ? { hostExecutable: 'refuse' } : undefined;
}

/** `verb`: what is about to be done with them, as a question begins. */
export async function decideHostExecutable(
  verb: string,
  plan: Guarded,
  flags: Flags,
  session: Session,
): Promise<HostExecutableChoice> {
  const said = saidOfHostExecutable(plan, flags);
  if (said !== undefined) return said;
  const undecided = undecidedFiles(plan);
  const accepted = await confirm(
    session,
    `${verb} the ${count(undecided.length, 'file')} that can run on this machine too?`,
  );
  if (!accepted) return { hostExecutable: 'leave-out' };
  // A yes to what is on the screen, not to what the cage puts there meanwhile.
  return { hostExecutable: 'accept', shown: undecided.map(({ path, content }) => ({ path, content })) };
}

/** Without a terminal every yes must be a flag. */
export function refuseUndecided({ cage, dir, plan }: { cage: string; dir: string; plan: Guarded }, flags: Flags): void {
  const undecided = undecidedFiles(plan);
  if (undecided.length === 0 || flags.on('accept-host-executable') || flags.on('skip-host-executable')) return;
  const paths = undecided.map(({ path }) => path);
  throw new IronError('E_HOST_EXECUTABLE', {
    message: `${count(paths.length, 'file')} of the change can run on this machine: ${paths.join(', ')}`,
    because: 'they need a yes of their own, and there is no terminal to ask at',
    hint: `decide with ironcage review ${cage}${dir === '' ? '' : ` --dir ${dir}`}, or add --accept-host-executable or --skip-host-executable`,
    details: { files: undecided },
  });
}
