// How a shell is started inside: the cage's own idea of it, as a login shell.

/** Argv of `ironcage shell`. */
export function shellArgv(): string[] {
  return ['/bin/sh', '-c', 'exec "$SHELL" -l'];
}
