// What stands above the commands: `ironcage --help`, the help of a group, and the answer to a word that is no command.
import { CommanderError } from 'commander';
import { GLOBAL_OPTIONS } from './command.ts';
import { createParser } from './parse.ts';
import { fromCommander } from './usage-error.ts';

export interface Named {
  name: string;
  summary: string;
}

const ROOT_EXAMPLES = [
  '',
  'Examples:',
  '  ironcage run claude',
  '      run Claude Code on this project, in a cage',
  '  ironcage diff && ironcage apply',
  '      look at what it changed, and take it over',
  '',
  'ironcage COMMAND --help shows the options and examples of a command.',
].join('\n');

/** Help of `path` (`ironcage`, `ironcage policy`), and whether `words` ask for it. Throws E_USAGE on a word that is unknown. */
export function groupHelp(
  path: string,
  summary: string,
  commands: readonly Named[],
  words: readonly string[],
): { text: string; asked: boolean } {
  const parser = createParser(path, GLOBAL_OPTIONS, () => undefined);
  parser.usage('[options] COMMAND …').description(`${summary}.`);
  for (const command of commands) parser.command(command.name).helpOption(false).summary(command.summary);
  const after =
    path === 'ironcage' ? ROOT_EXAMPLES : `\n${path} COMMAND --help shows the options and examples of a command.`;
  const text = `${parser.helpInformation()}${after}\n`;
  try {
    parser.parse([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { text, asked: true };
    if (error.code !== 'commander.help') throw fromCommander(error, path, false);
  }
  return { text, asked: false };
}
