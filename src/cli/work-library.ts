// What the command line asks of the library to bring work out of a cage, and what the host changed into it.
import type { DiffFile } from './library-change.ts';
import type { Context } from './library-context.ts';

interface Conflict {
  path: string;
  kind: string;
}

export interface Synced {
  files: readonly DiffFile[];
  conflicts: readonly Conflict[];
  overwritten: readonly Conflict[];
  leftOut: readonly string[];
  inPlace: boolean;
}

export interface WorkLibrary {
  syncCage(
    context: Context,
    name: string,
    request: { dir: string; paths: readonly string[]; force: boolean; dryRun: boolean },
  ): Promise<Synced>;
}
