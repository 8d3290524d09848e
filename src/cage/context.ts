// What every function of the library is given: where things lie, which environment counts, what the time is, and whom
// to tell about progress.
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Environment } from '../platform/environment.ts';
import { systemClock, type Clock } from '../platform/clock.ts';

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
  /** `--home`; else IRONCAGE_HOME; else `$XDG_DATA_HOME/ironcage` or `~/.local/share/ironcage`. */
  home?: string | undefined;
  environment: Environment;
  /** Default: the process's own. */
  cwd?: string | undefined;
  progress?: ((line: string) => void) | undefined;
  step?: ((name: string) => void) | undefined;
}

export function openContext(options: ContextOptions): Context {
  const { environment } = options;
  const home = environment['HOME'] ?? homedir();
  const directory = (name: string, fallback: string): string => {
    const value = environment[name];
    return join(value !== undefined && isAbsolute(value) ? value : join(home, fallback), 'ironcage');
  };
  const explicit = options.home ?? environment['IRONCAGE_HOME'];
  return {
    dataRoot:
      explicit === undefined || explicit === '' ? directory('XDG_DATA_HOME', '.local/share') : resolve(explicit),
    configFile: join(directory('XDG_CONFIG_HOME', '.config'), 'config.toml'),
    environment,
    cwd: options.cwd ?? process.cwd(),
    clock: systemClock,
    progress: options.progress ?? (() => undefined),
    step: options.step ?? (() => undefined),
  };
}
