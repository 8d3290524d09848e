// What of the host may become part of a cage at all: nobody's whole home or system, and never ironcage's own data.
import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { isInside, realPathSoFar } from '../platform/files.ts';
import type { Context } from './context.ts';
import type { CageRequest } from './options.ts';

const SYSTEM_DIRECTORIES = [
  '/',
  '/etc',
  '/usr',
  '/var',
  '/home',
  '/root',
  '/opt',
  '/proc',
  '/sys',
  '/dev',
  '/run',
  '/tmp',
];

/** A cage over a whole home or system would copy every credential of the user into it, one over our own data every secret. */
export function refuseWideProject(project: string, context: Pick<Context, 'dataRoot' | 'environment'>): void {
  const dataRoot = realPathSoFar(context.dataRoot);
  const homes = [homedir(), context.environment['HOME'] ?? ''].filter(isAbsolute).map(realPathSoFar);
  const isWide = SYSTEM_DIRECTORIES.includes(project) || homes.some((home) => isInside(home, project));
  if (!isWide && !isInside(dataRoot, project) && !isInside(project, dataRoot)) return;
  throw new IronError('E_NO_PROJECT', {
    message: `${project} is no project`,
    because: 'it holds far more than one project: settings and credentials, or ironcage’s own data',
    hint: 'go into the project’s directory, or name it: ironcage run AGENT DIR',
  });
}

/** The values of all secrets and the keys of all cages lie in the data root. */
export function refuseDataRootMount({ binds }: Pick<CageRequest, 'binds'>, context: Pick<Context, 'dataRoot'>): void {
  const dataRoot = realPathSoFar(context.dataRoot);
  const shown = binds.find(({ source }) => {
    const real = realPathSoFar(source);
    return isInside(dataRoot, real) || isInside(real, dataRoot);
  });
  if (shown === undefined) return;
  throw new IronError('E_PROTECTION', {
    message: `--mount ${shown.source} would show a cage ironcage’s own data`,
    because: `the stored secrets lie in ${dataRoot}`,
    hint: 'mount only the directories that the cage needs',
  });
}
