// A further program inside a running cage: joins the keeper's namespaces and lets bubblewrap build the same view and
// drop the same rights, so that the first process and every later one pass through one piece of code.
import { withoutInherited } from '../../platform/descriptors.ts';
import type { CagePlan, EnterCommand, EnterRequest, RunningCage } from '../backend.ts';
import { PROGRAMS_DIRECTORY } from '../host/layout.ts';
import { dropRoot, type Tools } from '../host/tools.ts';
import { isolationArguments } from './arguments.ts';
import { ownJoinFiles } from './limits.ts';
import { STAGED } from './stage.ts';

/** bubblewrap leaves the namespaces it was handed open for the program it starts. */
const LET_GO = 'exec "$@" 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-';

/**
 * bubblewrap gives up its capabilities before it loads the system-call filter, and from then on every process of the cage
 * may attach to it and run on without a filter. One capability is therefore kept until the filter is loaded: nobody
 * without it can attach. It is good for nothing but to be given up, which setpriv does as the first program inside.
 */
const KEPT = 'CAP_SETPCAP';

/** The host command line that runs `request.argv` inside; its exit code is the program's, 128 + n after a signal. */
export function enterCommand(
  plan: Pick<CagePlan, 'identity' | 'callerIsRoot' | 'limits'>,
  cage: RunningCage,
  tools: Tools,
  path: string,
  request: EnterRequest,
): EnterCommand {
  const environment = Object.entries(request.env).flatMap(([name, value]) => ['--setenv', name, value]);
  const { limits } = cage;
  const command = [
    ...(cage.cgroups.length === 0
      ? []
      : [tools.sh, `${PROGRAMS_DIRECTORY}/native/attach.sh`, ...ownJoinFiles(cage.cgroups), '--']),
    ...(plan.callerIsRoot ? dropRoot(plan.identity, tools) : []),
    ...[tools.nsenter, '--target', String(cage.holder.pid), '--user', '--preserve-credentials'],
    ...['--net', '--ipc', '--uts', '--cgroup', '--mount', '--'],
    ...[tools.sh, `${STAGED.programs}/native/enter.sh`, String(cage.init.pid)],
    limits.pids === 'rlimit' ? String(plan.limits.pids) : '-',
    limits.memory === 'rlimit' ? String(plan.limits.memoryBytes) : '-',
    ...[tools.bwrap, ...isolationArguments(plan, false), ...environment, '--chdir', request.cwd],
    // Its terminal is of the host's making: under this name programs inside can find and open it. Without a terminal of
    // its own a program must not reach the caller's: a session of its own has none.
    ...(request.terminal ? ['--dev-bind', '/proc/self/fd/0', '/dev/console'] : ['--new-session']),
    ...(request.detached === true ? [] : ['--die-with-parent']),
    ...['--cap-add', KEPT, '--'],
    ...[tools.setpriv, '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--'],
    ...['/bin/sh', '-c', LET_GO, 'sh', ...request.argv],
  ];
  const [program = '', ...args] = withoutInherited(command, path, 3);
  return { program, args, env: { PATH: path } };
}
