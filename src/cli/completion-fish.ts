// The fish script: one `complete` line for each word and option of each place.
import { offeredValues, type CompletionModel, type CompletionPlace } from './completion-model.ts';

export function fishCompletion({ places }: CompletionModel): string {
  const known = places.slice(1).map(({ path }) => quote(path));
  return `# fish completion of ironcage; put it into ~/.config/fish/completions/ironcage.fish
function __ironcage_place
    set -l place
    for word in (commandline -opc)[2..-1]
        test "$word" = -- ; and break
        set -l longer (string trim "$place $word")
        contains -- "$longer" ${known.join(' ')}; and set place $longer
    end
    echo "$place"
end
function __ironcage_at
    test (__ironcage_place) = "$argv[1]"
end
function __ironcage_snapshots
    set -l words (commandline -opc)
    set -l cage
    test (count $words) -ge 3; and not string match -q -- '-*' $words[3]; and set cage $words[3]
    $words[1] snapshot $cage --list 2>/dev/null | tail -n +2 | cut -d ' ' -f 1
end
for program in ironcage ic
    complete -c $program -f
${places.flatMap(placeLines).join('\n')}
end
`;
}

function placeLines({ path, words, options, snapshots }: CompletionPlace): string[] {
  const start = `    complete -c $program -n ${quote(`__ironcage_at ${quote(path)}`)}`;
  return [
    ...words.map(({ name, summary }) => `${start} -a ${name} -d ${quote(summary)}`),
    ...(snapshots ? [`${start} -a '(__ironcage_snapshots)' -d snapshot`] : []),
    ...options.map((option) => {
      const short = option.short === undefined ? '' : ` -s ${option.short}`;
      const values = offeredValues(option);
      const named = option.snapshots === true ? ` -x -a '(__ironcage_snapshots)'` : undefined;
      const argument =
        named ??
        (option.value === undefined ? '' : values.length === 0 ? ' -r -F' : ` -x -a ${quote(values.join(' '))}`);
      return `${start} -l ${option.name}${short}${argument} -d ${quote(option.summary)}`;
    }),
    `${start} -l help -s h -d ${quote('show help')}`,
  ];
}

/** Inside single quotes fish reads only \\' and \\\\ as escapes. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
