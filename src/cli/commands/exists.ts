// `exists`: a question that is answered by the exit code.
import type { Command } from '../command.ts';

export const exists: Command = {
  kind: 'command',
  name: 'exists',
  summary: 'say by the exit code whether a cage exists',
  notes: ['Exit code 0: it exists. 1: it does not. Prints nothing, with --json a document.'],
  arguments: [{ name: 'CAGE', summary: 'name of the cage', required: true }],
  options: [],
  examples: [{ line: 'ironcage exists shop || ironcage create --name shop', does: 'make the cage if it is not there' }],
  handler: async ({ word }, { output, open }) => {
    const { library, context } = await open();
    const name = word('CAGE') ?? '';
    const found = library.cageExists(context, name);
    if (output.json) output.document({ cage: name, exists: found });
    return found ? 0 : 1;
  },
};
