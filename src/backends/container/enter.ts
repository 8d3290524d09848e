// A further program inside a running container: by the engine's own `exec`, so that it gets all that the container was made
// with — user, filter, limits, labels of SELinux or AppArmor — by the code that made it.
import type { EnterCommand, EnterPlan, EnterRequest } from '../backend.ts';
import type { Engine } from './engine.ts';

/**
 * What the engine's command line reads of its own environment: a variable of such a name is said on its command line, every
 * other is handed over by name alone, so that no value is seen in the list of processes or in `inspect`.
 */
const READ_BY_ENGINES =
  /^(PATH|HOME|USER|TMPDIR|TERM|LANG|LC_.*|XDG_.*|DOCKER_.*|CONTAINERS?_.*|BUILDAH_.*|STORAGE_.*|REGISTRY_.*|DBUS_.*|GODEBUG|GO.*|LD_.*|_CONTAINERS_.*|.*_PROXY|.*_proxy|NOTIFY_SOCKET|LISTEN_.*|SSL_CERT_.*)$/;

export function execCommand(engine: Engine, container: string, plan: EnterPlan, request: EnterRequest): EnterCommand {
  const variables = { ...plan.env, ...request.env };
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
      ...[...engine.selectors, 'exec', request.terminal ? '-it' : '-i'],
      ...['--user', `${insideUid}:${insideGid}`, '--workdir', request.cwd, ...args],
      ...[container, ...request.argv],
    ],
    env: { ...env, ...engine.env },
  };
}
