// A table that is drawn over itself while something goes on, at a terminal. Lines are cut, never wrapped: what was drawn is found
// again by counting them.
import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';

export interface LiveTable {
  /** Lines as they look and as they are, without and with styles. */
  draw(lines: readonly { plain: string; styled: string }[]): void;
  /** Takes it away, so that lines above it can be written; the next draw brings it back. */
  clear: () => void;
}

interface Terminal extends NodeJS.WritableStream {
  columns?: number | undefined;
  rows?: number | undefined;
}

const ROWS = 24;
const COLUMNS = 80;

export function createLiveTable(stream: Terminal): LiveTable {
  let drawn = 0;
  const clear = (): void => {
    if (drawn === 0) return;
    moveCursor(stream, 0, -drawn);
    cursorTo(stream, 0);
    clearScreenDown(stream);
    drawn = 0;
  };
  return {
    clear,
    draw(lines) {
      clear();
      // With the last row of a terminal used, it would scroll.
      const most = Math.max(2, (stream.rows ?? ROWS) - 1);
      const columns = stream.columns ?? COLUMNS;
      const shown = lines.length > most ? lines.slice(0, most - 1) : lines;
      const more = lines.length - shown.length;
      const texts = shown.map(({ plain, styled }) => (fits(plain, columns) ? styled : cut(plain, columns)));
      if (more > 0) texts.push(`… ${more} more`);
      stream.write(texts.map((text) => `${text}\n`).join(''));
      drawn = texts.length;
    },
  };
}

/** Cells that a character may take: two of everything that is not plain. */
function cellsOf(character: string): number {
  return /[ -~…+−→]/.test(character) ? 1 : 2;
}

function fits(text: string, columns: number): boolean {
  return Array.from(text).reduce((cells, character) => cells + cellsOf(character), 0) <= columns;
}

function cut(text: string, columns: number): string {
  let kept = '';
  let cells = 1;
  for (const character of text) {
    cells += cellsOf(character);
    if (cells > columns) break;
    kept += character;
  }
  return `${kept}…`;
}
