// What every function of the library is given, as far as the command line looks into it.
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';

export interface Context {
  dataRoot: string;
  configFile: string;
  environment: Environment;
  clock: Clock;
  progress(line: string): void;
}
