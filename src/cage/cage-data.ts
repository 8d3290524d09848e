// What belongs to a cage as its data: one table for snapshots and forks. Secrets, placeholders, the authority, the record and
// the run directory are in no row of it, and so in no snapshot.
import { join } from 'node:path';
import type { CageSpec } from './spec.ts';

export interface DataPart {
  /** For people. */
  what: string;
  /** Of a further directory its name. */
  dir?: string;
  /** Below the directory of the cage, of a snapshot, or of a cage that is being made. */
  path: string;
  kind: 'workspace' | 'files';
  /** A name in it that is no data. */
  without?: string;
}

/** In the order of the spec; what is not there yet is still a row. */
export function dataParts({
  workspace,
  dirs = [],
  profile,
}: Pick<CageSpec, 'workspace' | 'dirs' | 'profile'>): DataPart[] {
  const copies: DataPart[] = [
    { what: 'the workspace', path: 'workspace', kind: 'workspace' },
    ...dirs.map(({ name }): DataPart => ({
      what: `the directory ${name}`,
      dir: name,
      path: join('dirs', name, 'workspace'),
      kind: 'workspace',
    })),
  ];
  return [
    ...(workspace === 'copy' ? copies : []),
    ...(profile === undefined ? [{ what: 'the home', path: 'home', kind: 'files' } as const] : []),
    { what: 'the messages', path: 'messages', kind: 'files', without: '.lock' },
    { what: 'the mail inside', path: 'bus', kind: 'files' },
  ];
}

/** What one could take for data of the cage and is not, each with its reason. */
export function notData(spec: CageSpec): string[] {
  const { workspace, project, dirs = [], profile, caches = [], binds, sudo } = spec;
  return [
    ...(workspace === 'copy' ? [] : [project, ...dirs.map(({ path }) => path)].map((path) => `${path}: it is mounted`)),
    ...(profile === undefined ? [] : [`the home of the profile ${profile}: other cages share it`]),
    ...caches.map((cache) => `the cache ${cache}: other cages share it`),
    ...binds.filter(({ writable }) => writable).map(({ source }) => `${source}: it is the host’s`),
    ...(sudo === true ? ['what root installed in its container: it is the engine’s'] : []),
  ];
}
