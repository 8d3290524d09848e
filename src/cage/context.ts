// What every function of the library is given: where things lie, which environment counts, what the time is, and whom
// to tell about progress.
import type { Environment } from '../platform/environment.ts';
import { systemClock, type Clock } from '../platform/clock.ts';
import { configFileOf, dataRootOf } from '../platform/user-directories.ts';

export interface Context {
  /** Data root: cages, agents, secrets. */
  dataRoot: string;
  configFile: string;
  environment: Environment;
  /** Absolute: where relative paths and `the current project` start. */
  cwd: string;
  clock: Clock;
  /** Progress of long work, one line each. */
  progress(line: string): void;
  /** Called between any two steps of a life-cycle change; a test ends the process here. */
  step(name: string): void;
}

export interface ContextOptions {
  /** What `--home` names; else as dataRootOf says. */
  home?: string | undefined;
  environment: Environment;
  /** Default: the process's own. */
  cwd?: string | undefined;
  progress?: ((line: string) => void) | undefined;
  step?: ((name: string) => void) | undefined;
}

export function openContext(options: ContextOptions): Context {
  const { environment } = options;
  return {
    dataRoot: dataRootOf(environment, options.home),
    configFile: configFileOf(environment),
    environment,
    cwd: options.cwd ?? process.cwd(),
    clock: systemClock,
    progress: options.progress ?? (() => undefined),
    step: options.step ?? (() => undefined),
  };
}
