// The agent's commits as a list: who says to have made them when, and what their first line says. All of it is the cage's word.
import { withCageCommits } from './cage-commits.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface CommitInfo {
  commit: string;
  author: string;
  /** Milliseconds since the epoch, as the author says; undefined where that is no time. */
  timeMs: number | undefined;
  subject: string;
}

/** Oldest first. The caller holds the cage's lock. */
export async function listCommits(workspace: PreparedWorkspace): Promise<CommitInfo[]> {
  const carrying = { message: () => 'x\n', submodules: new Set<never>() };
  return withCageCommits(workspace, carrying, async ({ commits }) =>
    commits.map(({ oid, author, message }) => {
      const [, who = '', seconds = ''] = /^(.*) (\d{1,11}) [+-]\d{4}$/s.exec(author) ?? [];
      return {
        commit: oid,
        author: text(who === '' ? author : who),
        timeMs: seconds === '' ? undefined : Number(seconds) * 1000,
        subject: text(message.trimStart().split('\n')[0] ?? ''),
      };
    }),
  );
}

/** Commits are one character a byte. */
function text(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8').slice(0, 1000);
}
