import { expect, test } from 'vitest';
import { knownHoles } from './engine-floors.ts';

test.each([
  ['runc version 1.1.5+ds1-1+deb12u1', ['CVE-2024-21626', 'CVE-2025-31133']],
  ['runc version 1.1.12', ['CVE-2025-31133']],
  ['runc version 1.2.7', ['CVE-2025-31133']],
  ['runc version 1.2.8', []],
  ['runc version 1.3.2', ['CVE-2025-31133']],
  ['runc version 1.4.0', []],
  ['crun version 1.4.3', ['CVE-2022-27650']],
  ['crun version 1.21', []],
  ['', []],
  ['runsc version 20240729', []],
])('%s has the holes %j', (runtimeVersion, ids) => {
  const holes = knownHoles({ runtimeVersion });
  expect(holes.map((hole) => /CVE-\d+-\d+/.exec(hole)?.[0])).toEqual(ids);
});
