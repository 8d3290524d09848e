// The one place that reads the process's environment: everything else takes what it needs as an argument.

export type Environment = Readonly<Record<string, string | undefined>>;

/** The process's own, with the one change that PATH names no place relative to where a command happens to run. */
export function hostEnvironment(): Environment {
  return { ...process.env, PATH: absoluteEntries(process.env['PATH']) };
}

/**
 * Without the entries of a PATH that mean the current directory, empty ones among them: that is a project, and what it
 * holds must not run on the host under the name of a system program. Undefined, which means the system's own, when none is left.
 */
export function absoluteEntries(path: string | undefined): string | undefined {
  const entries = (path ?? '').split(':').filter((entry) => entry.startsWith('/'));
  return entries.length === 0 ? undefined : entries.join(':');
}
