// Is a real value anywhere in a cage? Looked for from outside, since it must not go in even to be looked for: in all that is
// stored for the cage, in what the cage itself sees, and in its processes.
import { join } from 'node:path';
import { INSIDE_TRUST } from '../backends/host/layout.ts';
import type { Probe } from './probe.ts';
import { secretValue } from './policy.ts';
import { searchFiles, searchProcesses, type SearchResult } from './secret-search.ts';
import type { CageSession } from './session.ts';
import type { RunningState } from './state.ts';
import { requireWorkspace, workspacePlaces } from './workspaces.ts';

/** Directories that every cage can write, besides its project and its home. */
const WRITABLE = ['/tmp', '/var/tmp', '/run', '/dev/shm'];

/** One probe for each bound secret that has a value. */
export async function secretProbes(session: CageSession, state: RunningState): Promise<Probe[]> {
  const { context, spec } = session;
  const probes: Probe[] = [];
  for (const binding of spec.secrets) {
    const value = await secretValue(context, spec.name, binding);
    if (value === undefined) continue;
    const found = await search(session, state, value);
    // A search that finds nothing at all has not searched.
    const control = await search(session, state, binding.placeholder);
    const ok = found.places.length === 0 && found.unread.length === 0 && found.looked && control.places.length > 0;
    probes.push({
      id: `secrets.absent.${binding.name}`,
      group: 'secrets',
      ok,
      expected: 'control: the placeholder is found in the cage; the value is not',
      observed: described(found, control),
    });
  }
  return probes;
}

interface Found {
  places: string[];
  unread: string[];
  /** There were files and processes of the cage to look at. */
  looked: boolean;
}

async function search({ spec, context, paths }: CageSession, { init }: RunningState, value: string): Promise<Found> {
  const workspaces = workspacePlaces(context, spec);
  const prepared = await Promise.all(workspaces.map((place) => requireWorkspace(spec, place)));
  const layers = prepared.flatMap(({ directories: { tree, upper, work } }) => [tree, upper, work]);
  const root = `/proc/${init.pid}/root`;
  const places = [
    ...workspaces.map(({ path }) => path),
    ...[spec.home, INSIDE_TRUST, ...WRITABLE],
    ...spec.binds.map(({ target }) => target),
  ];
  const outermost = places.filter((place) => !places.some((other) => place.startsWith(`${other}/`)));
  // Home, temporary files and the project are seen as the cage sees them. The kernel's own directory beside an overlay may
  // not even be listed by its owner, and a cage has no way to it.
  const stored = await searchFiles(paths.root, value, { except: [paths.home, paths.tmp, paths.bus, ...layers] });
  const seen: SearchResult[] = [];
  for (const place of new Set(outermost)) seen.push(await searchFiles(join(root, place), value, { root }));
  const processes = searchProcesses(init.pid, value);
  const results = [stored, ...seen, processes];
  const inside = (path: string): string => (path.startsWith(root) ? path.slice(root.length) : path);
  return {
    places: results.flatMap(({ found }) => found.map(inside)),
    unread: results.flatMap(({ unread }) => unread.map(inside)),
    looked: processes.searched > 0 && seen.some(({ searched }) => searched > 0),
  };
}

function described(found: Found, control: Found): string {
  if (found.places.length > 0) return `found in ${found.places.join(', ')}`;
  if (found.unread.length > 0) return `not to be read: ${found.unread.join(', ')}`;
  if (!found.looked) return 'no file or no process of the cage could be looked at';
  return `placeholder in ${control.places.length} places, value in none`;
}
