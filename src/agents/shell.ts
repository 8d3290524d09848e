// A shell, or any command, as an agent: no hosts, no secrets, no settings of its own.
import type { AgentProfile } from './profile.ts';

export const shell: AgentProfile = {
  name: 'shell',
  title: 'Shell',
  program: 'bash',
  hosts: [],
  bundles: [],
  secrets: [],
  env: {},
  startArgv: (program, args) => (args.length === 0 ? [...program, '-l'] : [...args]),
  homeFiles: () => [],
};
