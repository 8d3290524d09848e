// The zsh script: the words of each place with their summaries.
import { offeredValues, type CompletionModel, type CompletionPlace } from './completion-model.ts';

export function zshCompletion({ places }: CompletionModel): string {
  return `#compdef ironcage ic
# zsh completion of ironcage; put it as _ironcage into a directory of $fpath
_ironcage_snapshots() {
  local cage=$words[3]
  if ((CURRENT <= 3)) || [[ $cage == -* ]]; then cage=; fi
  $words[1] snapshot $cage --list 2>/dev/null | tail -n +2 | cut -d ' ' -f 1
}
_ironcage() {
  local place='' word
  local -a offered
  integer i
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    if [[ $word == -- ]]; then
      _normal
      return
    fi
    case "$place $word" in
      ${places.slice(1).map(pathPattern).join(' | ')}) place="\${place:+$place }$word" ;;
    esac
  done
  case "$place $words[CURRENT-1]" in
${places.flatMap(valueCases).join('\n')}
  esac
  case "$place" in
${places.map(wordCase).join('\n')}
  esac
  _describe 'ironcage' offered || _files
}
_ironcage "$@"
`;
}

function pathPattern({ path }: CompletionPlace): string {
  return path.includes(' ') ? quote(path) : quote(` ${path}`);
}

function valueCases({ path, options }: CompletionPlace): string[] {
  return options
    .filter(({ value }) => value !== undefined)
    .map((option) => {
      const values = offeredValues(option);
      const known = values.length === 0 ? '_files' : `compadd -- ${values.join(' ')}`;
      const reply = option.snapshots === true ? `compadd -- $(_ironcage_snapshots)` : known;
      return `    ${quote(`${path} --${option.name}`)}) ${reply}; return ;;`;
    });
}

function wordCase({ path, words, options, snapshots }: CompletionPlace): string {
  const entries = [
    ...words.map(({ name, summary }) => `${name}:${summary}`),
    ...options.map(({ name, summary }) => `--${name}:${summary}`),
    '--help:show help',
  ];
  const names = snapshots ? ' $(_ironcage_snapshots)' : '';
  return `    ${quote(path)}) offered=(${entries.map(quote).join(' ')}${names}) ;;`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
