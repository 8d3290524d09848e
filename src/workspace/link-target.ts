// Whether a link of a change stays within the project, judged by its text alone: nothing is followed.
import { foldName } from './fold-name.ts';
import { toText, type BytePath } from './byte-path.ts';

/**
 * Whether a relative link at `path` ends within the tree and outside of any `.git`. Only a leading `..` is taken: behind a name that
 * is a link itself it would lead elsewhere than the text says.
 */
export function staysInside(path: BytePath, target: BytePath): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0') || target.includes('\\')) return false;
  const at = path.split('/').slice(0, -1);
  let hasName = false;
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (hasName || at.pop() === undefined) return false;
    } else {
      hasName = true;
      at.push(part);
    }
  }
  return !at.some((part) => ['.git', 'git~1'].includes(foldName(toText(part))));
}
