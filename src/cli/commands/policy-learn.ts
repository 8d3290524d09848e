// `policy learn`: the smallest policy that lets through again what was let through. Prints; changes only with --apply.
import type { Command } from '../command.ts';
import { parseSince } from '../since.ts';
import { targetCage } from '../target-cage.ts';

export const policyLearn: Command = {
  kind: 'command',
  name: 'policy learn',
  summary: 'print the smallest rules that let recorded requests pass again',
  notes: [
    'Meant for a cage that ran with --net learn. A segment of a path is left open where three or more siblings differ in an id.',
    '--apply adds what is new to the rules of the cage and lets the rules decide from then on (--net filtered).',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'since', value: 'WHEN', summary: 'only from then on: 30m, 1h, 7d, or an ISO time' },
    { name: 'wide', summary: 'fewer rules: one ** where a directory would need several' },
    { name: 'apply', summary: 'put the rules in force and end the learning' },
  ],
  examples: [
    { line: 'ironcage policy learn --since 1h', does: 'rules for what happened in the last hour' },
    { line: 'ironcage policy learn shop --apply', does: 'from now on the cage shop may do what it did, and no more' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    const since = flags.text('since');
    const learned = await library.policyLearn(context, name, {
      wide: flags.on('wide'),
      ...(since !== undefined && { sinceMs: parseSince(since, context.clock.now()) }),
    });
    const change = flags.on('apply') ? await library.applyLearned(context, name, learned) : undefined;
    if (output.json) {
      output.document(change === undefined ? learned : { ...learned, mode: 'filtered', applied: change });
      return 0;
    }
    output.table(
      learned.rules.map(({ text, requests, present, bundle }) => [
        text,
        ['dim', `${requests} requests`],
        ['dim', present.length === 0 ? 'new' : `by ${present.join(', ')}`],
        ['dim', bundle === undefined ? '' : `the bundle ${bundle} covers it, and more`],
      ]),
    );
    if (learned.rules.length === 0) output.note('no request was let through in that time');
    const others = learned.leftOut - learned.withSecret;
    if (others > 0) {
      output.note(`${others} requests make no rule: let pass once by a person, or with a path too long for one`);
    }
    if (learned.withSecret > 0) {
      output.note(
        `${learned.withSecret} requests make no rule: the value of a secret was in their host or path, and the record does not keep it`,
      );
    }
    if (change === undefined) return 0;
    const state = change.confirmed ? 'confirmed by the egress' : 'in force at the next start';
    output.line(`${name}: filtered, generation ${change.generation}, ${state}`);
    return 0;
  },
};
