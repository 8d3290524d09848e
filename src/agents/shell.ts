// A shell, or any command, as an agent: no hosts, no secrets, no settings of its own.
import type { AgentProfile } from './profile.ts';
import { createTextReader } from './read-text.ts';

const SCRIPT_SHELL = 'exec "$(command -v bash || echo /bin/sh)" -s';

/** The cage's own idea of a shell, as a login shell; where that is the plainest, bash if the cage has it. */
export function shellArgv(): string[] {
  return ['/bin/sh', '-c', 'case $SHELL in */sh) SHELL=$(command -v bash || echo /bin/sh) ;; esac; exec "$SHELL" -l'];
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
  headless: {
    // The prompt is a script, or the input of the command that is named.
    argv: (_program, { args }) => (args.length === 0 ? ['/bin/sh', '-c', SCRIPT_SHELL] : [...args]),
    createReader: createTextReader,
    promptIsInput: true,
    canResume: false,
    hasModels: false,
  },
};
