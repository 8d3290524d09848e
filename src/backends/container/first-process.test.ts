import { expect, test } from 'vitest';
import { whatIsOpen } from './first-process.ts';

const NONE = '0000000000000000';
function status(change: Readonly<Record<string, string>> = {}): string {
  const sets = { CapInh: NONE, CapPrm: NONE, CapEff: NONE, CapBnd: NONE, CapAmb: NONE };
  const fields = { Name: 'hold', ...sets, NoNewPrivs: '1', Seccomp: '2', ...change };
  return Object.entries(fields).reduce((text, [name, value]) => `${text}${name}:\t${value}\n`, '');
}

test('a process without any right is closed', () => {
  expect(whatIsOpen(status(), { capabilities: 0n, newPrivileges: false })).toBeUndefined();
});

test.each([
  ['new privileges', { NoNewPrivs: '0' }],
  ['no filter', { Seccomp: '0' }],
  ['a capability it can use', { CapEff: '0000000000001000' }],
  ['a capability that a set-uid file would give', { CapBnd: '0000000000000001' }],
  ['a set that cannot be read', { CapAmb: 'none' }],
])('%s is seen', (_what, change) => {
  expect(whatIsOpen(status(change), { capabilities: 0n, newPrivileges: false })).toBeDefined();
});

test('of a sandbox’s own process the capabilities of files are let pass, those of the network are not', () => {
  expect(
    whatIsOpen(status({ CapEff: '000000000008001f' }), { capabilities: 0x800dfn, newPrivileges: false }),
  ).toBeUndefined();
  expect(
    whatIsOpen(status({ CapEff: '0000000000001000' }), { capabilities: 0x800dfn, newPrivileges: false }),
  ).toContain('CapEff');
});

test('a process that is gone is not closed', () => {
  expect(whatIsOpen('', { capabilities: 0n, newPrivileges: false })).toBeDefined();
});
