// Where this user's files of ironcage lie.
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Environment } from './environment.ts';

/** Absolute. `home`: what `--home` names; else IRONCAGE_HOME; else `$XDG_DATA_HOME/ironcage` or `~/.local/share/ironcage`. */
export function dataRootOf(environment: Environment, home?: string): string {
  const explicit = home ?? environment['IRONCAGE_HOME'];
  return explicit === undefined || explicit === ''
    ? userDirectory(environment, 'XDG_DATA_HOME', '.local/share')
    : resolve(explicit);
}

/** `config.toml` of `$XDG_CONFIG_HOME/ironcage` or `~/.config/ironcage`, absolute. */
export function configFileOf(environment: Environment): string {
  return join(userDirectory(environment, 'XDG_CONFIG_HOME', '.config'), 'config.toml');
}

function userDirectory(environment: Environment, name: string, fallback: string): string {
  const value = environment[name];
  const home = environment['HOME'] ?? homedir();
  return join(value !== undefined && isAbsolute(value) ? value : join(home, fallback), 'ironcage');
}
