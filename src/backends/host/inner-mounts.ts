// What is mounted inside a cage besides the system: the project, its further directories and the user's own mounts. Every program that enters a native
// cage builds these anew, every start of a container does, and links are followed on the way to a target. Where the way leads through a directory that the cage
// can write, a link put there meanwhile would lead out to the host. So each directory on such a way is checked before the
// cage's first program runs, and mounted upon itself: a mount point can be neither renamed nor replaced from inside.
import { posix } from 'node:path';
import { isInside } from '../../platform/files.ts';
import type { Bind, CagePlan } from '../backend.ts';

/** Where the parts of a cage are found by whoever mounts them. */
export interface Places {
  home: string;
  temporary: string;
  /** Absent: the cage cannot write there. */
  device?: string;
  workspace(index: number): string;
  bind(index: number): string;
}

/** In the order of mounting: parents before children, so that a mount below another lands on top of it. */
export function innerMounts(plan: CagePlan, places: Places): Bind[] {
  const pins = new Map(ways(plan, places).flatMap(({ directories }) => directories.map((pin) => [pin.target, pin])));
  const wanted = mounts(plan, places);
  for (const { target } of wanted) pins.delete(target);
  return [...pins.values(), ...wanted].sort((a, b) => a.target.length - b.target.length);
}

/** Parents first: with a slash at the end a directory to make, without one a target; none of them may be a link. */
export function guardedPaths(plan: CagePlan, places: Places): string[] {
  const paths = ways(plan, places).flatMap(({ directories, end }) => [
    ...directories.map(({ source }) => `${source}/`),
    end,
  ]);
  return [...new Set(paths)].sort((a, b) => a.length - b.length);
}

function mounts(plan: CagePlan, places: Places): Bind[] {
  return [
    ...plan.binds.map(({ target, writable }, index) => ({ source: places.bind(index), target, writable })),
    ...plan.workspaces.map((workspace, index) => ({
      source: places.workspace(index),
      target: workspace.target,
      writable: workspace.kind === 'overlay' || workspace.writable,
    })),
  ];
}

interface Way {
  /** Between the area and the target, outermost first. */
  directories: Bind[];
  /** Where the target itself is found. */
  end: string;
}

/** Ways that lead through what the cage can write; one that begins in a read-only mount is nobody's to change. */
function ways(plan: CagePlan, places: Places): Way[] {
  const wanted = mounts(plan, places);
  const areas = [
    ...writableAreas(places),
    { source: places.home, target: plan.homeTarget, writable: true },
    ...wanted,
  ].sort((a, b) => b.target.length - a.target.length);
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

function writableAreas({ temporary, device }: Places): Bind[] {
  const areas = ['/tmp', '/var/tmp'].map((target) => ({ source: temporary, target, writable: true }));
  return device === undefined ? areas : [...areas, { source: device, target: '/dev', writable: true }];
}
