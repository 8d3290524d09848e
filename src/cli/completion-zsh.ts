// The zsh script: the words of each place with their summaries.
import { offeredValues, type CompletionModel, type CompletionPlace } from './completion-model.ts';

export function zshCompletion({ places }: CompletionModel): string {
  return `#compdef ironcage ic
# zsh completion of ironcage; put it as _ironcage into a directory of $fpath
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
      const reply = values.length === 0 ? '_files' : `compadd -- ${values.join(' ')}`;
      return `    ${quote(`${path} --${option.name}`)}) ${reply}; return ;;`;
    });
}

function wordCase({ path, words, options }: CompletionPlace): string {
  const entries = [
    ...words.map(({ name, summary }) => `${name}:${summary}`),
    ...options.map(({ name, summary }) => `--${name}:${summary}`),
    '--help:show help',
  ];
  return `    ${quote(path)}) offered=(${entries.map(quote).join(' ')}) ;;`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
