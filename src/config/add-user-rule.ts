// Adds one allow rule to the user's settings, by their text: comments and everything else stay as they were written. One writer
// at a time; a reader sees the old file or the new one.
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseTOML } from 'toml-eslint-parser';
import { IronError } from '../platform/errors.ts';
import { makeDirectory, readTextIfPresent, realPathSoFar, writeFileAtomic } from '../platform/files.ts';
import { withLock } from '../platform/locks.ts';
import { formatProblem, splitMark } from './toml-tables.ts';
import { parseUserConfig } from './user-config.ts';

/** Throws E_USAGE where the present file cannot be read: what is not understood is not written to. */
export async function addUserRule(path: string, rule: string): Promise<void> {
  makeDirectory(dirname(path));
  // Where settings are a link into a directory of such files, the link stays.
  const file = realPathSoFar(path);
  await withLock(`${file}.lock`, { what: `the settings in ${path}` }, async () => addRule(file, rule));
}

function addRule(path: string, rule: string): void {
  const before = readTextIfPresent(path);
  const [mark, text] = splitMark(before ?? '');
  const present = parseUserConfig(text);
  if (!present.ok) {
    throw new IronError('E_USAGE', {
      message: `the settings in ${path} have mistakes`,
      because: present.problems.map((problem) => formatProblem(path, problem)),
      hint: 'mend them first; nothing was written to them',
    });
  }
  if (present.config.rules.some((known) => known.effect === 'allow' && known.text === rule)) return;
  const next = withRule(text, JSON.stringify(rule));
  // What was made is read again before it takes the place of the file.
  const check = parseUserConfig(next);
  if (!check.ok || check.config.rules.length !== present.config.rules.length + 1) {
    throw new IronError('E_USAGE', {
      message: `the rule could not be added to ${path}`,
      hint: `write it there yourself, below [policy]: allow = [${JSON.stringify(rule)}]`,
    });
  }
  writeFileAtomic(path, mark + next, before === undefined ? {} : { mode: statSync(path).mode & 0o777 });
}

function withRule(text: string, quoted: string): string {
  const [root] = parseTOML(text, { tomlVersion: '1.0.0' }).body;
  const policy = root.body.find((node) => node.type === 'TOMLTable' && keyName(node.key.keys) === 'policy');
  if (policy?.type !== 'TOMLTable')
    return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}\n[policy]\nallow = [${quoted}]\n`;
  const allow = policy.body.find((entry) => keyName(entry.key.keys) === 'allow');
  if (allow?.value.type === 'TOMLArray') {
    const { elements, range } = allow.value;
    const last = elements.at(-1);
    const end = last === undefined ? range[0] + 1 : last.range[1];
    return `${text.slice(0, end)}${last === undefined ? '' : ', '}${quoted}${text.slice(end)}`;
  }
  const lineEnd = text.indexOf('\n', policy.key.range[1]);
  const after = lineEnd === -1 ? text.length : lineEnd;
  return `${text.slice(0, after)}\nallow = [${quoted}]${text.slice(after)}`;
}

function keyName(keys: readonly { type: string; name?: string; value?: string }[]): string {
  return keys.map((part) => part.name ?? part.value ?? '').join('.');
}
