// Other names of a changed file: a link anywhere in the project makes an ordinary file one of the catalogue (`CLAUDE.md` that leads to
// `notes.md`). Links are judged by their text; nothing is followed.
import type { BytePath } from './byte-path.ts';
import { linkTarget } from './link-target.ts';
import type { ProjectLinks } from './project-links.ts';
import { directoriesAbove } from './touched-trees.ts';

/** Links through links are taken so far. */
const MAX_HOPS = 8;
/** Nobody gives one file or directory more names than that; who does gets all of the rest said by one. */
const MAX_NAMES = 50;

interface OtherName {
  path: BytePath;
  /** The link that makes it one. */
  link: BytePath;
}

export type OtherNames = (path: BytePath) => { names: readonly OtherName[]; tooMany: boolean };

export function linkNames(links: ProjectLinks): OtherNames {
  const targets = new Map<BytePath, BytePath>();
  for (const [path, text] of links) {
    const target = text === undefined ? undefined : linkTarget(path, text);
    if (target !== undefined) targets.set(path, target);
  }
  const leadingTo = new Map<BytePath, BytePath[]>();
  for (const link of targets.keys()) {
    let target = targets.get(link);
    for (let hop = 0; target !== undefined && hop < MAX_HOPS; hop++) {
      const known = leadingTo.get(target);
      if (known === undefined) leadingTo.set(target, [link]);
      else if (known.length <= MAX_NAMES) known.push(link);
      target = targets.get(target);
    }
  }
  return (path) => {
    if (leadingTo.size === 0) return { names: [], tooMany: false };
    const found = [...directoriesAbove(path), path].map((above) => ({ above, to: leadingTo.get(above) ?? [] }));
    return {
      names: found.flatMap(({ above, to }) =>
        to
          .slice(0, MAX_NAMES)
          .map((link) => ({ link, path: above === '' ? `${link}/${path}` : link + path.slice(above.length) })),
      ),
      tooMany: found.some(({ to }) => to.length > MAX_NAMES),
    };
  };
}
