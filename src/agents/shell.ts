// A shell, or any command, as an agent: no hosts, no secrets, no settings of its own.
import type { AgentProfile } from './profile.ts';

/** A login shell: bash where the cage has it, which the image of a container need not. */
export function shellArgv(): string[] {
  return ['/bin/sh', '-c', 'exec "$(command -v bash || echo /bin/sh)" -l'];
}

export const shell: AgentProfile = {
  name: 'shell',
  title: 'Shell',
  program: 'bash',
  hosts: [],
  bundles: [],
  secrets: [],
  env: {},
  startArgv: (_program, args) => (args.length === 0 ? shellArgv() : [...args]),
  homeFiles: () => [],
};
