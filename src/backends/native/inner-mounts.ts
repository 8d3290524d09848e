// What is mounted inside a cage besides the system: the project and the user's own mounts. Every program that enters builds
// these anew, and bubblewrap follows links on its way to a target. Where the way leads through a directory that the cage
// can write, a link put there meanwhile would lead out to the host. So each directory on such a way is checked before the
// cage's first program runs, and mounted upon itself: a mount point can be neither renamed nor replaced from inside.
import { posix } from 'node:path';
import { isInside } from '../../platform/files.ts';
import type { CagePlan } from '../backend.ts';
import { STAGED } from './layout.ts';

interface InnerMount {
  /** In the staging area. */
  source: string;
  target: string;
  writable: boolean;
}

/** In the order of mounting: parents before children, so that a mount below another lands on top of it. */
export function innerMounts(plan: CagePlan): InnerMount[] {
  const pins = new Map(ways(plan).flatMap(({ directories }) => directories.map((pin) => [pin.target, pin])));
  const wanted = mounts(plan);
  for (const { target } of wanted) pins.delete(target);
  return [...pins.values(), ...wanted].sort((a, b) => a.target.length - b.target.length);
}

/** Staged paths for hold.sh, parents first: with a slash at the end a directory to make, without one a target. */
export function guardedPaths(plan: CagePlan): string[] {
  const paths = ways(plan).flatMap(({ directories, end }) => [...directories.map(({ source }) => `${source}/`), end]);
  return [...new Set(paths)].sort((a, b) => a.length - b.length);
}

function mounts(plan: CagePlan): InnerMount[] {
  const { workspace } = plan;
  return [
    ...plan.binds.map(({ target, writable }, index) => ({ source: STAGED.bind(index), target, writable })),
    {
      source: STAGED.workspace,
      target: workspace.target,
      writable: workspace.kind === 'overlay' || workspace.writable,
    },
  ];
}

interface Way {
  /** Between the area and the target, outermost first. */
  directories: InnerMount[];
  /** The target itself, in the staging area. */
  end: string;
}

/** Ways that lead through what the cage can write; one that begins in a read-only mount is nobody's to change. */
function ways(plan: CagePlan): Way[] {
  const wanted = mounts(plan);
  const areas = [...WRITABLE_AREAS, { source: STAGED.home, target: plan.homeTarget, writable: true }, ...wanted].sort(
    (a, b) => b.target.length - a.target.length,
  );
  return [...wanted.map(({ target }) => target), ...plan.masks].flatMap((target) => {
    const area = areas.find((candidate) => candidate.target !== target && isInside(target, candidate.target));
    if (area === undefined || !area.writable) return [];
    const names = posix.relative(area.target, target).split('/');
    const directories = names.slice(0, -1).map((_name, index) => {
      const below = names.slice(0, index + 1);
      return { source: posix.join(area.source, ...below), target: posix.join(area.target, ...below), writable: true };
    });
    return [{ directories, end: posix.join(area.source, ...names) }];
  });
}

const WRITABLE_AREAS: readonly InnerMount[] = [
  { source: STAGED.temporary, target: '/tmp', writable: true },
  { source: STAGED.temporary, target: '/var/tmp', writable: true },
  { source: STAGED.device, target: '/dev', writable: true },
];
