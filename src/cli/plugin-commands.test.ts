// The skills of plugin/ are prose with command lines in it: each of them is one that this version takes, with the same parser.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Command, CommandGroup } from './command.ts';
import { loadAllCommands } from './commands.ts';
import { parseCommand } from './parse.ts';

const SKILLS = fileURLToPath(new URL('../../plugin/skills/', import.meta.url));

const commands = new Map(
  (await loadAllCommands()).flatMap(each).map((command): [string, Command] => [command.name, command]),
);

function each(command: Command | CommandGroup): Command[] {
  return command.kind === 'command' ? [command] : [...command.commands];
}

/** `ironcage …` at the start of a line or of a piece of code, without what follows as a comment. */
function linesIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) => block.split('\n'));
  const pieces = [...text.matchAll(/`([^`\n]+)`/g)].map(([, piece = '']) => piece);
  return [...blocks, ...pieces]
    .flatMap((line) => line.split(/\belse |; ?fi\b/))
    .map((line) => line.replace(/\s#.*$/, '').trim())
    .filter((line) => /^ironcage [a-z]/.test(line));
}

/** As a shell splits it, as far as the skills go. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

function parse(line: string): string {
  const [, first = '', second = '', ...rest] = wordsOf(line);
  const two = commands.get(`${first} ${second}`);
  const command = two ?? commands.get(first);
  if (command === undefined) throw new Error(`no command ${first}`);
  const words = two === undefined ? [second, ...rest].filter((word) => word !== '') : rest;
  return parseCommand(command, words).kind;
}

const found = readdirSync(SKILLS).flatMap((skill) =>
  linesIn(readFileSync(join(SKILLS, skill, 'SKILL.md'), 'utf8')).map((line): [string, string] => [skill, line]),
);

test('every step of the way from the prompt to the branch has a command', () => {
  const named = new Set(found.map(([, line]) => wordsOf(line)[1]));
  for (const word of ['create', 'launch', 'outbox', 'inbox', 'logs', 'diff', 'review', 'apply', 'rm']) {
    expect(named).toContain(word);
  }
});

test.each(found)('%s: %s', (_skill, line) => {
  expect(parse(line)).toBe('invocation');
});

test('a flag that there is not is noticed', () => {
  expect(() => parse('ironcage launch NAME --agent claude --no-such-flag')).toThrow(/no-such-flag/);
});
