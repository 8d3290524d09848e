// `version`, where it is asked for with options; the bare word is answered in main.ts.
import type { Command } from '../command.ts';
import { readVersion } from '../../platform/version.ts';

export const versionCommand: Command = {
  kind: 'command',
  name: 'version',
  summary: 'print the version',
  arguments: [],
  options: [],
  examples: [{ line: 'ironcage version', does: 'the same as ironcage --version' }],
  handler: async (_invocation, { output }) => {
    const version = readVersion();
    if (output.json) output.document({ version, node: process.versions.node, platform: process.platform });
    else output.line(version);
    return 0;
  },
};
