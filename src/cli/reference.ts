// The reference page docs/cli.md, from the command values. Written so that the formatter leaves it as it is.
import { GLOBAL_OPTIONS, type Command, type CommandGroup, type OptionSpec } from './command.ts';
import { notYetNotes, sentence, usageOf } from './parse.ts';

const INTRODUCTION = `# The command line

<!-- Generated from src/cli/commands by scripts/generate-docs.mjs. -->

The program is \`ironcage\`, with the short alias \`ic\`. Where a cage is wanted and none is named, it is the cage of the
current project. Results go to stdout, progress and summaries to stderr.

Exit codes: \`0\` done, \`1\` "no" as an answer, \`2\` wrong usage or configuration, \`125\` ironcage could not do it here,
\`126\` refused by a protection, \`70\` a bug in ironcage. \`run\`, \`exec\` and \`shell\` give the exit code of the program
inside.

An error is three lines, \`error[E_CODE]: what happened\`, \`because: …\`, \`try: …\`; with \`--json\` it is one document,
\`{"error":{"code","message","because","hint","details"}}\`, on stderr.
`;

export function renderReference(commands: readonly (Command | CommandGroup)[]): string {
  const flat = commands.flatMap((entry) => (entry.kind === 'group' ? entry.commands : [entry]));
  return [
    INTRODUCTION,
    '## Options of every command\n',
    `${GLOBAL_OPTIONS.map(optionLine).join('\n')}\n`,
    ...flat.map(section),
  ].join('\n');
}

function section(command: Command): string {
  const described = [...command.arguments, ...(command.passed === undefined ? [] : [command.passed])];
  const items = [
    ...described.map((argument) => `- \`${argument.name}\`: ${plain(argument.summary)}`),
    ...command.options.map(optionLine),
  ];
  return [
    `## ironcage ${command.name}\n`,
    `${plain(sentence(command.summary))}\n`,
    ...(command.notes ?? []).map((note) => `${plain(note)}\n`),
    `\`\`\`sh\n${usageOf(command)}\n\`\`\`\n`,
    ...(items.length === 0 ? [] : [`${items.join('\n')}\n`]),
    ...command.examples.map((example) => `${plain(sentence(example.does))}\n\n\`\`\`sh\n${example.line}\n\`\`\`\n`),
  ].join('\n');
}

function optionLine(option: OptionSpec): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  const value = option.value === undefined ? '' : ` ${option.value}`;
  const notes = [
    ...(option.choices === undefined ? [] : [`one of ${option.choices.join(', ')}`]),
    ...(option.repeatable ? ['repeatable'] : []),
    ...notYetNotes(option),
  ];
  const tail = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
  return `- \`${short}--${option.name}${value}\`: ${plain(option.summary)}${tail}`;
}

/** Characters that Markdown would read as markup; code spans are written as such in the values already. */
function plain(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replace(/[*_<>[\]]/g, '\\$&')))
    .join('');
}
