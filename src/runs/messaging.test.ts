import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { changeFileBeneath } from '../platform/beneath.ts';
import { claude } from '../agents/claude.ts';
import { codex } from '../agents/codex.ts';
import { shell } from '../agents/shell.ts';
import type { AgentProfile } from '../agents/profile.ts';
import { openContext } from '../cage/context.ts';
import type { CageSpec } from '../cage/spec.ts';
import { cagePaths } from '../cage/store.ts';
import { tellOfMessages, withInstructions, type Messaging } from './messaging.ts';

describe('the part of a file of instructions that is ours', () => {
  test('comes behind what is there, is put in its own place, and goes without a trace', () => {
    const told = withInstructions('# Mine\n', 'one\n') ?? '';
    expect(told).toMatch(/^# Mine\n\n<!-- ironcage: .*-->\none\n<!-- ironcage: end of messages -->\n$/);
    const between = `${told}# Mine again\n`;
    expect(withInstructions(between, 'two\n')).toBe(between.replace('one', 'two'));
    expect(withInstructions(told, undefined)).toBe('# Mine\n');
    expect(withInstructions(undefined, undefined)).toBeUndefined();
    expect(withInstructions(withInstructions(undefined, 'one\n'), undefined)).toBe('');
  });

  test('is there once, however often it is put there, and no byte around it changes', () => {
    const piece = fc.constantFrom(
      'a',
      '\n',
      'ÿ',
      '<!-- ironcage: end of messages -->',
      withInstructions('', 'x\n') ?? '',
    );
    const begin = (withInstructions('', 'x\n') ?? '').split('\n')[0] ?? '';
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.constant(begin))), (pieces) => {
        const before = pieces.join('');
        const once = withInstructions(before, 'one\n') ?? '';
        expect(withInstructions(once, 'one\n')).toBe(once);
        expect(once.split('\none\n')).toHaveLength(2);
        const last = before.lastIndexOf(begin);
        expect(once.startsWith(before.slice(0, last < 0 ? before.length : last))).toBe(true);
      }),
    );
  });
});

test('an agent is told by its own file, ahead of its prompt where that is none, or not at all', () => {
  const root = mkdtempSync(join(tmpdir(), 'ironcage-told-'));
  try {
    const context = openContext({ home: root, environment: {} });
    const { home } = cagePaths(context, 'shop');
    mkdirSync(home, { recursive: true });
    const spec: CageSpec = {
      ...{ version: 1, name: 'shop', project: '/p', backend: 'native', preset: 'safe', workspace: 'copy' },
      ...{ net: 'filtered', auth: 'none', createdAt: '', home: '/home/agent', generation: 1, slot: 1 },
      ...{ rules: [], inspectors: [], secrets: [], routes: [], env: {}, binds: [], limits: {} },
    };
    const tell = (agent: AgentProfile, isWanted = true): Messaging =>
      tellOfMessages(context, spec, agent, { isWanted, prompt: 'do it' });
    const file = join(home, '.codex/AGENTS.md');

    expect(tell(codex)).toEqual({
      args: [
        '-c',
        'mcp_servers.ironcage.command="/ironcage/bin/cage-mcp"',
        '-c',
        'mcp_servers.ironcage.env_vars=["IRONCAGE_RUN"]',
      ],
      prompt: 'do it',
    });
    expect(readFileSync(file, 'utf8')).toContain('/ironcage/bin/cage-send task_complete');
    expect(tell(codex, false)).toEqual({ args: [], prompt: 'do it' });
    expect(readFileSync(file, 'utf8')).toBe('');

    const settings = join(root, 'settings');
    writeFileSync(settings, 'mine');
    mkdirSync(join(home, '.claude'));
    symlinkSync(settings, join(home, '.claude/CLAUDE.md'));
    expect(tell(claude).prompt).toMatch(/^# Working in a cage[^]*\n# The task\n\ndo it$/);
    expect(tell(claude, false).prompt).toBe('do it');
    expect(readFileSync(settings, 'utf8')).toBe('mine');
    expect(tell(shell)).toEqual({ args: [], prompt: 'do it' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

describe('a file that is changed in a hostile home', () => {
  let root: string;
  let home: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'ironcage-home-'));
    home = join(root, 'home');
    mkdirSync(home);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const FILE = '.agent/NOTES.md';
  const file = (): string => join(home, FILE);
  const add = (): boolean =>
    changeFileBeneath(home, FILE, { maxBytes: 1000, owner: undefined, change: (before = '') => `${before}added` });

  test('is made, and changed as a whole with its mode', () => {
    expect(add()).toBe(true);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    rmSync(file());
    writeFileSync(file(), Buffer.from([0xff, 0x0a]), { mode: 0o640 });
    // Of a launch that was killed.
    writeFileSync(join(dirname(file()), '.NOTES.md.new'), 'half');
    const { ino } = statSync(file());
    expect(add()).toBe(true);
    expect(readFileSync(file())).toEqual(Buffer.concat([Buffer.from([0xff, 0x0a]), Buffer.from('added')]));
    expect(statSync(file())).toMatchObject({ mode: 0o100640 });
    expect(statSync(file()).ino).not.toBe(ino);
    expect(readdirSync(dirname(file()))).toEqual(['NOTES.md']);
  });

  test.each([
    ['a link', () => symlinkSync(join(root, 'target'), file())],
    ['a pipe', () => execFileSync('mkfifo', [file()])],
    ['a directory', () => mkdirSync(file())],
    ['too much', () => [writeFileSync(file(), ''), truncateSync(file(), 2 ** 40)]],
    [
      'a link among its parents',
      () => [rmSync(dirname(file()), { recursive: true }), symlinkSync(root, dirname(file()))],
    ],
    [
      'a file among its parents',
      () => [rmSync(dirname(file()), { recursive: true }), writeFileSync(dirname(file()), '')],
    ],
    ['a directory in the place of the new one', () => mkdirSync(join(dirname(file()), '.NOTES.md.new'))],
  ])('stays where there is %s', (_what, prepare) => {
    writeFileSync(join(root, 'target'), 'mine');
    mkdirSync(dirname(file()));
    prepare();
    expect(add()).toBe(false);
    expect(readFileSync(join(root, 'target'), 'utf8')).toBe('mine');
    expect(readdirSync(root).sort()).toEqual(['home', 'target']);
  });
});
