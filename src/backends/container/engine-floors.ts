// Holes of container runtimes through which a container has reached its host, with the versions that closed them: facts of the
// projects' own advisories. Distributions repair without a new number, so this warns and does not refuse.
import type { EngineFacts } from './engine.ts';

interface Hole {
  id: string;
  what: string;
  /** One per line of releases that was repaired: the first good version of it. */
  closedIn: readonly (readonly [major: number, minor: number, patch: number])[];
}

const RUNC: readonly Hole[] = [
  { id: 'CVE-2024-21626', what: 'a working directory that leaks the host’s files', closedIn: [[1, 1, 12]] },
  {
    id: 'CVE-2025-31133, CVE-2025-52565, CVE-2025-52881',
    what: 'masked paths and /dev/console that lead to the host’s files',
    closedIn: [
      [1, 2, 8],
      [1, 3, 3],
    ],
  },
];

const CRUN: readonly Hole[] = [
  { id: 'CVE-2022-27650', what: 'capabilities that a program may inherit', closedIn: [[1, 4, 4]] },
];

/** For people: what is known of the runtime of an engine, by its number. */
export function knownHoles({ runtimeVersion }: Pick<EngineFacts, 'runtimeVersion'>): string[] {
  const match = /\b(runc|crun)(?: version)? v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(runtimeVersion);
  if (match === null) return [];
  const [, name = '', ...numbers] = match;
  const version = numbers.map((text) => Number(text ?? 0));
  return (name === 'runc' ? RUNC : CRUN)
    .filter(({ closedIn }) => !isClosed(version, closedIn))
    .map(
      ({ id, what }) =>
        `${name} ${version.join('.')} by its number has ${id} (${what}); your distribution may have closed it`,
    );
}

/** In its own line of releases from the first good one on; in a later line than all of them always. */
function isClosed(version: readonly number[], closedIn: Hole['closedIn']): boolean {
  const [major = 0, minor = 0, patch = 0] = version;
  const line = closedIn.find(([a, b]) => a === major && b === minor);
  if (line !== undefined) return patch >= line[2];
  return closedIn.every(([a, b]) => major > a || (major === a && minor > b));
}
