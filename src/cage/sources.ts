// What of the host may become part of a cage at all: nobody's whole home or system, and never ironcage's own data.
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
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

/** Whether a directory is a whole home or system, or holds our own data. */
export function isWideProject(project: string, context: Pick<Context, 'dataRoot' | 'environment'>): boolean {
  const homes = [homedir(), context.environment['HOME'] ?? ''].filter(isAbsolute).map(realPathSoFar);
  const isWide = SYSTEM_DIRECTORIES.includes(project) || homes.some((home) => isInside(home, project));
  return isWide || isInside(realPathSoFar(context.dataRoot), project);
}

/**
 * A cage over a whole home or system would copy every credential of the user into it, one over our own data every secret. Of that
 * a clone which ironcage made of a project is no part.
 */
export function refuseWideProject(project: string, context: Pick<Context, 'dataRoot' | 'environment'>): void {
  const dataRoot = realPathSoFar(context.dataRoot);
  const isOwn = isInside(project, dataRoot) && !/^\/cages\/[^/]+\/source\/[^/]+$/.test(project.slice(dataRoot.length));
  if (!isOwn && !isWideProject(project, context)) return;
  throw new IronError('E_NO_PROJECT', {
    message: `${project} is no project`,
    because: 'it holds far more than one project: settings and credentials, or ironcage’s own data',
    hint: 'go into the project’s directory, or name it: ironcage run AGENT DIR',
  });
}

/** Trees of the system, in which no project lies that a cage could be let write to. */
const SYSTEM_TREES = [
  '/etc',
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/boot',
  '/proc',
  '/sys',
  '/dev',
  '/run',
];

/** Of a home: settings that run or unlock something. */
const PRIVATE_IN_HOME = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.kube',
  '.docker',
  '.password-store',
  '.local/bin',
  '.config',
];

/** What a mounting cage writes is there at once: the system, what holds credentials and ironcage's own settings are no project. */
export function refusePrivateProject(
  project: string,
  { environment, configFile }: Pick<Context, 'environment' | 'configFile'>,
): void {
  const homes = [homedir(), environment['HOME'] ?? ''].filter(isAbsolute).map(realPathSoFar);
  const config = realPathSoFar(dirname(configFile));
  const within = [...SYSTEM_TREES, ...homes.flatMap((home) => PRIVATE_IN_HOME.map((name) => join(home, name))), config];
  if (!within.some((tree) => isInside(project, tree)) && !isInside(config, project)) return;
  throw new IronError('E_PROTECTION', {
    message: `${project} cannot be mounted`,
    because: 'it belongs to the system, or holds settings or credentials',
    hint: 'use --workspace copy, or move the project elsewhere',
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
