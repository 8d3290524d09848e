// Open files that came down from whoever started this process. A program started in turn would inherit them, and what runs
// in a cage could read or write them; closing them here instead would take them from a program that embeds the library.
import { readdirSync, readFileSync } from 'node:fs';
import { findProgram, missingTool } from './processes.ts';

/** O_CLOEXEC, octal, as /proc/PID/fdinfo shows flags: Node sets it on everything it opens. */
const CLOSE_ON_EXEC = 0o2000000;

/** Descriptors from `first` on that a child of this process would inherit. */
export function inheritableDescriptors(first: number): number[] {
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((fd) => fd >= first && !isClosedOnExec(fd));
}

function isClosedOnExec(fd: number): boolean {
  let text: string;
  try {
    text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  } catch {
    // The descriptor of the listing itself: gone by now.
    return true;
  }
  const flags = /^flags:\s*([0-7]+)$/m.exec(text)?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
}

/**
 * The command line that runs `argv` with nothing open from `first` on. Bash, since a POSIX shell cannot name descriptors
 * of two digits; it is only asked for when there is something to close. Throws E_TOOL_MISSING.
 */
export function withoutInherited(
  argv: readonly string[],
  path: string,
  first: number,
  inherited = inheritableDescriptors(first),
): readonly string[] {
  if (inherited.length === 0) return argv;
  const bash = findProgram('bash', path);
  if (bash === undefined) throw missingTool('bash');
  // Bash reads its start-up file also when its input is a socket, which a pipe of Node's is.
  return [bash, '--norc', '-c', `exec "$@" ${inherited.map((fd) => `${fd}<&-`).join(' ')}`, 'bash', ...argv];
}
