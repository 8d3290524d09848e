// What the command line asks of the library to bring work out of a cage, and what the host changed into it.
import type { DiffFile } from './library-change.ts';
import type { Context } from './library-context.ts';
import type { DecidedFile } from './review-library.ts';

export interface HostExecutableChoice {
  hostExecutable: 'accept' | 'leave-out' | 'refuse';
  shown?: readonly { path: string; content: string }[];
}

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

export interface ExportQuery {
  dir: string;
  output: string | undefined;
  below: boolean;
  deletes: boolean;
  protect: readonly string[];
  includeIgnored: boolean;
  force: boolean;
}

export interface ExportView {
  target: string;
  files: readonly DiffFile[];
  unchanged: number;
  hostExecutable: readonly DecidedFile[];
  conflicts: readonly Conflict[];
  wouldDelete: readonly string[];
  protectedFiles: readonly string[];
  skipped: readonly { path: string; reason: string }[];
  inPlace: boolean;
}

export interface Exported {
  target: string;
  exported: readonly string[];
  leftOut: readonly string[];
  inPlace: boolean;
}

interface PatchesView {
  cage: string;
  dir?: string;
  patches: readonly {
    file: string;
    contents: Buffer;
    subject: string;
    author: string;
    commit: string | undefined;
  }[];
  skipped: readonly { path: string; reason: string }[];
}

export interface WorkLibrary {
  planExportCage(context: Context, name: string, query: ExportQuery): Promise<ExportView>;
  exportCage(context: Context, name: string, request: ExportQuery & HostExecutableChoice): Promise<Exported>;
  exportDecided(
    context: Context,
    name: string,
    query: ExportQuery,
    decide: (plan: ExportView) => HostExecutableChoice | undefined,
  ): Promise<{ plan: ExportView; outcome: Exported | undefined }>;
  patchesOfCage(context: Context, name: string, dir: string): Promise<PatchesView>;
  writePatches(context: Context, view: PatchesView, output: string | undefined): Promise<string>;

  syncCage(
    context: Context,
    name: string,
    request: { dir: string; paths: readonly string[]; force: boolean; dryRun: boolean },
  ): Promise<Synced>;
}
