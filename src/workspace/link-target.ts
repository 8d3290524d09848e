// Where a link of a change leads, judged by its text alone: nothing is followed.
import { foldName } from './fold-name.ts';
import { toText, type BytePath } from './byte-path.ts';

/**
 * The path of the project that a link at `path` leads to; undefined when it leads out or into a `.git`. Only a leading `..` is taken:
 * behind a name that is a link itself it would lead elsewhere than the text says.
 */
export function linkTarget(path: BytePath, target: BytePath): BytePath | undefined {
  if (target === '' || target.startsWith('/') || target.includes('\0') || target.includes('\\')) return undefined;
  const at = path.split('/').slice(0, -1);
  let hasName = false;
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (hasName || at.pop() === undefined) return undefined;
    } else {
      hasName = true;
      at.push(part);
    }
  }
  return at.some((part) => ['.git', 'git~1'].includes(foldName(toText(part)))) ? undefined : at.join('/');
}
