// A further program inside a running container: by the engine's own `exec`, so that it gets all that the container was made
// with — user, filter, limits, labels of SELinux or AppArmor — by the code that made it.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { identifyProcess, signalProcess, waitForExit, type ProcessIdentity } from '../../platform/processes.ts';
import type { EnterCommand, EnterPlan, EnterRequest, RunningCage } from '../backend.ts';
import { cageProcesses, mustEnd } from '../host/cage-processes.ts';
import type { Engine } from './engine.ts';

/**
 * What the engine's command line reads of its own environment: a variable of such a name is said on its command line, every
 * other is handed over by name alone, so that no value is seen in the list of processes or in `inspect`.
 */
const READ_BY_ENGINES =
  /^(PATH|HOME|USER|TMPDIR|TERM|LANG|LC_.*|XDG_.*|DOCKER_.*|CONTAINERS?_.*|BUILDAH_.*|STORAGE_.*|REGISTRY_.*|DBUS_.*|GODEBUG|GO.*|LD_.*|_CONTAINERS_.*|.*_PROXY|.*_proxy|NOTIFY_SOCKET|LISTEN_.*|SSL_CERT_.*)$/;

/** By which a program is found whose number on this machine nobody has told. */
export const MARK = 'IRONCAGE_EXEC';
const GRACE_MS = 2_000;

export function execCommand(
  engine: Pick<Engine, 'program' | 'selectors' | 'env'>,
  { name: container, init }: { name: string; init: RunningCage['init'] },
  plan: EnterPlan,
  request: EnterRequest,
): EnterCommand {
  const mark = randomUUID();
  const variables = { ...plan.env, ...request.env, [MARK]: mark };
  const args: string[] = [];
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    if (READ_BY_ENGINES.test(name)) args.push('--env', `${name}=${value}`);
    else {
      args.push('--env', name);
      env[name] = value;
    }
  }
  const { insideUid, insideGid } = plan.identity;
  return {
    program: engine.program,
    args: [
      ...[...engine.selectors, 'exec', request.detached === true ? '--detach' : request.terminal ? '-it' : '-i'],
      ...['--user', `${insideUid}:${insideGid}`, '--workdir', request.cwd, ...args],
      ...[container, ...request.argv],
    ],
    env: { ...env, ...engine.env },
    ...(request.detached === true ? {} : tiedTo(init, mark)),
  };
}

/** Of a program that is to end with the command line. */
function tiedTo(init: ProcessIdentity, mark: string): Pick<EnterCommand, 'deliver' | 'endLeftOver'> {
  return {
    deliver: (signal) => signalMarked(init, mark, signal),
    endLeftOver: () => endMarked(init, mark),
  };
}

/** False when it is not there. */
export function signalMarked(init: ProcessIdentity, mark: string, signal: NodeJS.Signals): boolean {
  const marked = markedProcesses(init, mark);
  for (const process of marked) signalProcess(process, signal);
  return marked.length > 0;
}

/** An engine's command line that is ended leaves its program running, and calls that a success. */
async function endMarked(init: ProcessIdentity, mark: string): Promise<void> {
  const marked = markedProcesses(init, mark);
  for (const process of marked) signalProcess(process, 'SIGTERM');
  const end = performance.now() + GRACE_MS;
  for (const process of marked) {
    if (await waitForExit(process, Math.max(0, end - performance.now()))) continue;
    signalProcess(process, 'SIGKILL');
    await mustEnd(process);
  }
}

/** The program itself: what it started has its mark as well, and is not ours to end. */
function markedProcesses(init: ProcessIdentity, mark: string): ProcessIdentity[] {
  const members = cageProcesses(init);
  const isInside = (pid: number | undefined): boolean => members.some((member) => member.pid === pid);
  return members.filter(({ pid }) => isMarked(pid, mark) && !isInside(identifyProcess(pid)?.parentPid));
}

function isMarked(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${MARK}=${mark}`);
  } catch {
    // Gone meanwhile.
    return false;
  }
}
