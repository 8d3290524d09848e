// A change as text in one piece, which only a test can afford.
import { changeText, type Change } from '../../src/workspace/change.ts';
import type { PreparedWorkspace } from '../../src/workspace/workspace.ts';

export async function textOfChange(
  workspace: PreparedWorkspace,
  change: Change,
  style: 'stat' | 'full',
): Promise<string> {
  const pieces: Buffer[] = [];
  await changeText(workspace, change, style, async (piece) => pieces.push(piece) > 0);
  return Buffer.concat(pieces).toString('utf8');
}
