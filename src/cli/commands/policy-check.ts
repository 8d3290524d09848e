// `policy check`: what files of rules say, without a cage. Every mistake at once, with its place and what to write instead.
import type { Command } from '../command.ts';
import { ruleRows } from '../rule-rows.ts';

export const policyCheck: Command = {
  kind: 'command',
  name: 'policy check',
  summary: 'check files of rules, and show what they say',
  notes: [
    'Touches no cage. Exit code 0: they can be used. 2: they hold mistakes, which are all named with their lines.',
  ],
  arguments: [
    { name: 'FILE', summary: 'with [[rule]] tables and [inspect] settings', required: true, repeatable: true },
  ],
  options: [],
  examples: [{ line: 'ironcage policy check rules.toml', does: 'may this file be used?' }],
  handler: async ({ words }, session) => {
    const { output } = session;
    const { library, context } = await session.open();
    const files = await library.policyCheck(context, [...words('FILE')]);
    if (output.json) output.document({ files });
    else {
      for (const { file, rules, inspection, warnings } of files) {
        output.line(`${file}: ${rules.length} rules`);
        output.table(ruleRows(rules));
        for (const [name, setting] of Object.entries(inspection)) output.line(['dim', `  ${name}: ${setting ?? ''}`]);
        for (const warning of warnings) output.note(warning);
      }
    }
    return 0;
  },
};
