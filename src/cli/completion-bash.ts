// The bash script. Commands and options hold only letters, digits and dashes, so words need no quoting.
import { offeredValues, type CompletionModel, type CompletionPlace } from './completion-model.ts';

export function bashCompletion({ places }: CompletionModel): string {
  return `# bash completion of ironcage; load it with: source <(ironcage completion bash)
_ironcage_snapshots() {
  local cage=\${COMP_WORDS[2]}
  if ((COMP_CWORD <= 2)) || [[ $cage == -* ]]; then cage=; fi
  "\${COMP_WORDS[0]}" snapshot \${cage:+"$cage"} --list 2>/dev/null | tail -n +2 | cut -d ' ' -f 1
}
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
      const offered = option.snapshots === true ? SNAPSHOTS : `'${values.join(' ')}'`;
      const isKnown = option.snapshots === true || values.length > 0;
      const reply = isKnown ? ` COMPREPLY=($(compgen -W ${offered} -- "$cur"));` : '';
      return `    ${pattern})${reply} return ;;`;
    });
}

const SNAPSHOTS = '"$(_ironcage_snapshots)"';

function wordCase({ path, words, options, snapshots }: CompletionPlace): string {
  const flags = options.flatMap(({ name, short }) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]);
  const all = [...words.map(({ name }) => name), ...flags, '--help'];
  const names = snapshots ? ` '${SNAPSHOTS}` : `'`;
  return `    '${path}') COMPREPLY=($(compgen -W '${all.join(' ')}${names} -- "$cur")) ;;`;
}
