// The bash script. Commands and options hold only letters, digits and dashes, so words need no quoting.
import { offeredValues, type CompletionModel, type CompletionPlace } from './completion-model.ts';

export function bashCompletion({ places }: CompletionModel): string {
  return `# bash completion of ironcage; load it with: source <(ironcage completion bash)
_ironcage() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    [[ $word == -- ]] && return
    case "$path $word" in
      ${places.slice(1).map(pathPattern).join(' | ')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path $prev" in
${places.flatMap(valueCases).join('\n')}
  esac
  case "$path" in
${places.map(wordCase).join('\n')}
  esac
}
complete -o default -F _ironcage ironcage ic
`;
}

/** `$path $word` as it reads when the word leads to this place. */
function pathPattern({ path }: CompletionPlace): string {
  return path.includes(' ') ? `'${path}'` : `' ${path}'`;
}

function valueCases({ path, options }: CompletionPlace): string[] {
  return options
    .filter(({ value }) => value !== undefined)
    .map((option) => {
      const names = [`--${option.name}`, ...(option.short === undefined ? [] : [`-${option.short}`])];
      const pattern = names.map((name) => `'${path} ${name}'`).join(' | ');
      const values = offeredValues(option);
      const reply = values.length === 0 ? '' : ` COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$cur"));`;
      return `    ${pattern})${reply} return ;;`;
    });
}

function wordCase({ path, words, options }: CompletionPlace): string {
  const flags = options.flatMap(({ name, short }) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]);
  const all = [...words.map(({ name }) => name), ...flags, '--help'];
  return `    '${path}') COMPREPLY=($(compgen -W '${all.join(' ')}' -- "$cur")) ;;`;
}
