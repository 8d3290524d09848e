import { expect, test } from 'vitest';
import { routerRules } from './router-rules.ts';

const FACTS = { resolvers: ['10.0.0.53', 'fd00::53'], refused: ['203.0.113.9', '2001:db8::9', '198.51.100.0/24'] };

test('nothing passes and nothing comes in that no rule lets, and the last rule is what lets pass', () => {
  for (const family of [4, 6] as const) {
    const lines = routerRules(family, FACTS).split('\n');
    expect(lines).toContain(':INPUT DROP [0:0]');
    expect(lines).toContain(':FORWARD DROP [0:0]');
    expect(lines.slice(-3)).toEqual(['-A FORWARD -j ACCEPT', 'COMMIT', '']);
    expect(lines.filter((line) => line === 'COMMIT')).toHaveLength(2);
  }
});

test.each([
  [4, '-d 169.254.169.254/32', '-d 10.0.0.0/8', '-d 203.0.113.9', '-d 198.51.100.0/24'],
  [6, '-d fd00:ec2::254/128', '-d fc00::/7', '-d 2001:db8::9', '! -d 2000::/3'],
] as const)(
  'of IPv%i every inside block, this machine and its neighbours are refused before anything new passes',
  (family, ...blocks) => {
    const lines = routerRules(family, FACTS).split('\n');
    for (const block of blocks) expect(lines).toContain(`-A FORWARD ${block} -j REFUSED`);
  },
);

test('a resolver may be asked wherever it is, after the names were looked at', () => {
  const lines = routerRules(4, FACTS).split('\n');
  const at = (line: string): number => lines.indexOf(line);
  expect(at('-A FORWARD -p udp --dport 53 -j QUERIES')).toBeGreaterThan(0);
  expect(at('-A FORWARD -d 10.0.0.53 -p udp --dport 53 -j ACCEPT')).toBeGreaterThan(
    at('-A FORWARD -p udp --dport 53 -j QUERIES'),
  );
  expect(at('-A FORWARD -d 10.0.0.0/8 -j REFUSED')).toBeGreaterThan(
    at('-A FORWARD -d 10.0.0.53 -p udp --dport 53 -j ACCEPT'),
  );
  expect(lines.some((line) => line.includes('fd00::53'))).toBe(false);
});

test('a registry is known by its labels in a question, and by its text elsewhere', () => {
  const text = routerRules(4, FACTS);
  expect(text).toContain('-A QUERIES -m string --algo bm --icase --hex-string "|04|ghcr|02|io|00|" -j REFUSED');
  expect(text).toContain('-A NAMES -m string --algo bm --icase --string "ghcr.io" -j REFUSED');
});
