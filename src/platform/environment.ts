// The one place that reads the process's environment: everything else takes what it needs as an argument.

export type Environment = Readonly<Record<string, string | undefined>>;

export function hostEnvironment(): Environment {
  return process.env;
}
