// argv → the one command it names → its exit code. Every failure ends here, in one format; no decision is taken here.
import { resolve } from 'node:path';
import { toIronError } from '../platform/errors.ts';
import type { Command, Opened, Session } from './command.ts';
import { COMMANDS, loadAllCommands } from './commands.ts';
import type { Host } from './host.ts';
import { createOutput, type Output } from './output.ts';
import { parseCommand } from './parse.ts';
import { groupHelp, ROOT_EXAMPLES } from './root-help.ts';
import { usageError } from './usage-error.ts';

export async function dispatch(argv: readonly string[], host: Host): Promise<number> {
  const own = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined);
  const output = createOutput(host, {
    json: own.includes('--json'),
    quiet: own.includes('--quiet'),
    verbose: own.includes('--verbose'),
    color: !own.includes('--no-color'),
  });
  try {
    const found = await findCommand(argv);
    const parsed = found.kind === 'help' ? found : parseCommand(found.command, found.argv);
    if (found.kind === 'help' || parsed.kind === 'help') {
      if (parsed.kind === 'help') output.text(parsed.text);
      return 0;
    }
    const { flags } = parsed.invocation;
    return await found.command.handler(parsed.invocation, createSession(host, output, flags.text('home')));
  } catch (error) {
    const known = toIronError(error);
    output.failure(known);
    return known.exitCode;
  }
}

type Found = { kind: 'command'; command: Command; argv: string[] } | { kind: 'help'; text: string };

/** Finds the command by its words. Global options may stand before them and are handed on to the command. */
async function findCommand(argv: readonly string[]): Promise<Found> {
  const first = takeWord(argv);
  if (first.word === 'help') return findCommand([...first.rest, '--help']);
  if (first.word === undefined && (argv.includes('--version') || argv.includes('-V'))) {
    return findCommand(['version', ...first.rest.filter((word) => word !== '--version' && word !== '-V')]);
  }
  const entry = first.word === undefined ? undefined : COMMANDS.get(first.word);
  if (entry === undefined) {
    const all = [...COMMANDS].map(([name, { summary }]) => ({ name, summary }));
    const words = first.word === undefined ? argv : [first.word];
    return { kind: 'help', text: groupHelp('ironcage', ROOT_SUMMARY, all, ROOT_EXAMPLES, words).text };
  }
  const loaded = await entry.load();
  if (loaded.kind === 'command') return { kind: 'command', command: loaded, argv: first.rest };
  const second = takeWord(first.rest);
  const command = loaded.commands.find((candidate) => candidate.name === `${loaded.name} ${second.word}`);
  if (command !== undefined) return { kind: 'command', command, argv: second.rest };
  const members = loaded.commands.map(({ name, summary }) => ({ name: name.slice(loaded.name.length + 1), summary }));
  const words = second.word === undefined ? first.rest : [second.word];
  const examples = loaded.commands.map((member) => member.examples[0]);
  const help = groupHelp(`ironcage ${loaded.name}`, loaded.summary, members, examples, words);
  if (help.asked) return { kind: 'help', text: help.text };
  throw usageError(`ironcage ${loaded.name} needs one more word`, {
    because: `it leads to ${members.map(({ name }) => name).join(', ')}`,
    hint: `ironcage ${loaded.name} --help`,
  });
}

const ROOT_SUMMARY = 'Run AI coding agents where they can do anything and harm nothing';

/** Takes the first word that is no option out of `argv`; looks no further than `--`. */
function takeWord(argv: readonly string[]): { word: string | undefined; rest: string[] } {
  for (let index = 0; index < argv.length; index += 1) {
    const token = argv[index];
    if (token === undefined || token === '--') break;
    if (token === '--home') index += 1;
    else if (!token.startsWith('-')) return { word: token, rest: [...argv.slice(0, index), ...argv.slice(index + 1)] };
  }
  return { word: undefined, rest: [...argv] };
}

function createSession(host: Host, output: Output, home: string | undefined): Session {
  if (home === '') throw usageError('--home is empty', { hint: 'name the directory that holds the cages' });
  let opened: Opened | undefined;
  return {
    output,
    stdin: host.stdin,
    cwd: host.cwd,
    interactive: host.stdin.isTTY === true,
    terminal: host.stdin.isTTY === true && host.stdout.isTTY === true,
    allCommands: loadAllCommands,
    open: async () => {
      if (opened !== undefined) return opened;
      const library = await host.loadLibrary();
      const context = library.openContext({
        environment: host.environment,
        cwd: host.cwd,
        progress: (line) => output.note(line),
        ...(home === undefined ? {} : { home: resolve(host.cwd, home) }),
      });
      opened = { library, context };
      return opened;
    },
  };
}
