// Writes src/workspace/languages.json: which language a file is by its name or ending, from GitHub Linguist's list as the package
// linguist-languages has it. Of an ending that several languages have, the one whose first it is counts, then the one that editors know,
// then the older one. Not loaded at run time: the whole list costs half a second.
import { writeFileSync } from 'node:fs';
import * as linguist from 'linguist-languages';

/** Where the order above would name what nobody means. */
const SETTLED = {
  '.md': 'Markdown',
  '.txt': 'Text',
  '.ml': 'OCaml',
  '.bas': 'BASIC',
  '.mod': 'Modula-2',
  '.asc': 'AsciiDoc',
};

const languages = Object.values(linguist);

function renderLanguages() {
  const endings = new Map();
  for (const language of languages)
    for (const ending of language.extensions ?? []) endings.set(ending, [...(endings.get(ending) ?? []), language]);
  const table = {};
  const put = (name, language) => (table[language] ??= []).push(name);
  for (const [ending, those] of endings) {
    const [first] = those.sort((a, b) => weight(b, ending) - weight(a, ending) || a.languageId - b.languageId);
    put(ending.toLowerCase(), SETTLED[ending] ?? first.name);
  }
  for (const { name, filenames = [] } of languages) for (const file of filenames) put(`=${file.toLowerCase()}`, name);
  const rows = Object.entries(table).map(([name, names]) => [
    name,
    [...new Set(names)].sort((a, b) => (a < b ? -1 : 1)).join(' '),
  ]);
  return `${JSON.stringify(Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`;
}

function weight(language, ending) {
  return (
    (language.extensions[0] === ending ? 4 : 0) +
    (language.codemirrorMode ? 2 : 0) +
    (language.group === undefined ? 1 : 0)
  );
}

if (process.argv[2] === '--print') process.stdout.write(renderLanguages());
else writeFileSync(new URL('../src/workspace/languages.json', import.meta.url), renderLanguages());
