// A change as the library tells it to the command line.

export interface DiffFile {
  path: string;
  from?: string | undefined;
  change: 'added' | 'modified' | 'deleted' | 'renamed' | 'mode';
  insertions: number;
  deletions: number;
  binary: boolean;
  hostExecutable: boolean;
  submodule?: { from?: string; to?: string } | undefined;
}

/** Takes a piece of text with bytes from inside a cage; false: no more is wanted. */
export type PieceWriter = (piece: Buffer) => Promise<boolean>;

export interface Finding {
  class: string;
  rank: 'critical' | 'high' | 'medium' | 'low';
  trigger: string;
  when: string;
  details: readonly string[];
  lines: readonly { line: number; text: string }[];
  moreLines: number;
}

export interface HostExecutableFile {
  path: string;
  content: string;
  reasons: readonly Finding[];
}
