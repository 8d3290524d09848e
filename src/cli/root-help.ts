// What stands above the commands: `ironcage --help`, the help of a group, and the answer to a word that is no command.
import { CommanderError } from 'commander';
import { GLOBAL_OPTIONS, type Example } from './command.ts';
import { createParser, exampleLines, sentence } from './parse.ts';
import { fromCommander } from './usage-error.ts';

/** What a list of commands shows of one. */
export interface Named {
  name: string;
  summary: string;
}

export const ROOT_EXAMPLES: readonly Example[] = [
  { line: 'ironcage run claude', does: 'run Claude Code on this project, in a cage' },
  { line: 'ironcage diff && ironcage apply', does: 'look at what it changed, and take it over' },
];

/** Help of `path` (`ironcage`, `ironcage policy`), and whether `words` ask for it. Throws E_USAGE on a word that is unknown. */
export function groupHelp(
  path: string,
  summary: string,
  commands: readonly Named[],
  examples: readonly Example[],
  words: readonly string[],
): { text: string; asked: boolean } {
  const parser = createParser(path, GLOBAL_OPTIONS, () => undefined);
  parser.usage('[options] COMMAND …').description(sentence(summary));
  for (const command of commands) parser.command(command.name).helpOption(false).summary(command.summary);
  const after = [...exampleLines(examples), '', `${path} COMMAND --help shows the options of a command.`].join('\n');
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
