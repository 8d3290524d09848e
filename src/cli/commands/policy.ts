// `policy`: the rules of one cage, live. The library parses rules and confirms changes with the egress.
import type { Command, CommandGroup, Invocation, Opened, OptionSpec, Session } from '../command.ts';
import type { PolicyChange } from '../library.ts';
import type { Output } from '../output.ts';
import { ruleRows } from '../rule-rows.ts';
import { isCage, targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';
import { CAGE, CAGE_OPTION, namedCage } from './policy-cage.ts';
import { policyCheck } from './policy-check.ts';
import { policyLearn } from './policy-learn.ts';
import { policyPrune } from './policy-prune.ts';
import { policyTest } from './policy-test.ts';

const FILE_OPTION: OptionSpec = { name: 'file', value: 'FILE', summary: 'a file of [[rule]] tables instead of rules' };

const show: Command = {
  kind: 'command',
  name: 'policy show',
  summary: 'show the rules of a cage in the order in which they decide',
  arguments: [CAGE],
  options: [CAGE_OPTION],
  examples: [{ line: 'ironcage policy show', does: 'the rules of the cage of this project' }],
  handler: async (invocation, session) => {
    const opened = await session.open();
    const name = await namedCage(opened, session, invocation);
    const policy = await opened.library.policyShow(opened.context, name);
    const { output } = session;
    if (output.json) output.document(policy);
    else {
      const confirmed = policy.confirmed ? 'confirmed by the egress' : 'not confirmed: no egress serves it now';
      output.line(`${name}: ${policy.mode}, generation ${policy.generation}, ${confirmed}`);
      output.table(ruleRows(policy.rules));
      output.line(['dim', `  everything else is ${EVERYTHING_ELSE[policy.mode] ?? 'refused'}`]);
      const { secretShapes, payloadShape } = policy.inspection;
      output.line(['dim', `  what looks like a credential: ${secretShapes}; odd payloads: ${payloadShape}`]);
      if (policy.inspectors.length > 0) output.line(['dim', `  inspectors of yours: ${policy.inspectors.join(', ')}`]);
    }
    return 0;
  },
};

const EVERYTHING_ELSE: Readonly<Record<string, string>> = { ask: 'asked about', learn: 'let pass and recorded' };

const allow = ruleCommand('allow', 'let requests pass from now on', [
  { line: 'ironcage policy allow npm', does: 'packages of the npm registry may be fetched' },
  {
    line: "ironcage policy allow shop 'GET api.example.com/v1/**'",
    does: 'one verb, one host, one path in the cage shop',
  },
  { line: 'ironcage policy allow --file rules.toml', does: 'everything that a file of rules says' },
]);

const deny = ruleCommand('deny', 'refuse requests from now on; goes before every allow', [
  { line: "ironcage policy deny 'POST api.example.com/**'", does: 'nothing may be posted there' },
]);

const rm: Command = {
  kind: 'command',
  name: 'policy rm',
  summary: 'take a rule away',
  arguments: [
    CAGE,
    { name: 'RULE', summary: 'its id or its text, as policy show prints it, or a bundle', required: true },
  ],
  options: [CAGE_OPTION],
  examples: [
    { line: 'ironcage policy rm allow:api.example.com', does: 'take one rule away' },
    { line: 'ironcage policy rm npm', does: 'take a bundle away' },
  ],
  handler: async (invocation, session) => {
    const opened = await session.open();
    const name = await namedCage(opened, session, invocation);
    const change = await opened.library.policyRemove(opened.context, name, invocation.word('RULE') ?? '');
    printChange(change, name, session.output);
    return 0;
  },
};

export const policy: CommandGroup = {
  kind: 'group',
  name: 'policy',
  summary: 'show, change and test the rules of a cage',
  commands: [show, allow, deny, rm, policyTest, policyCheck, policyLearn, policyPrune],
};

function ruleCommand(effect: 'allow' | 'deny', summary: string, examples: Command['examples']): Command {
  return {
    kind: 'command',
    name: `policy ${effect}`,
    summary,
    notes: [
      'Live: a running cage obeys as soon as the command ends.',
      'A first word that is the name of a cage is the cage when rules follow; --cage NAME says it beyond doubt.',
    ],
    arguments: [
      CAGE,
      {
        name: 'RULE',
        summary: 'a host, *.host, host:port, "GET host/path/**", or a bundle such as npm',
        required: effect === 'deny',
        repeatable: true,
      },
    ],
    options: effect === 'deny' ? [CAGE_OPTION] : [CAGE_OPTION, FILE_OPTION],
    examples,
    handler: async (invocation, session) => {
      const opened = await session.open();
      const { library, context } = opened;
      const words = [...invocation.words('CAGE'), ...invocation.words('RULE')];
      const file = effect === 'allow' ? invocation.flags.text('file') : undefined;
      if (file !== undefined) return allowFile(opened, session, invocation, file, words);
      if (words.length === 0) throw usageError('no rule is named', { hint: 'name one, or a file of them with --file' });
      const [first = '', ...others] = words;
      const leads = invocation.flags.text('cage') === undefined && others.length > 0 && isCage(opened, first);
      const name = await targetCage(opened, session, leads ? first : invocation.flags.text('cage'));
      const rules = leads ? others : words;
      const change = await (effect === 'allow'
        ? library.policyAllow(context, name, rules)
        : library.policyDeny(context, name, rules));
      if (!session.output.json) session.output.table(ruleRows(change.rules));
      printChange(change, name, session.output);
      return 0;
    },
  };
}

/** All of a file, which may hold deny rules and settings of inspectors as well. */
async function allowFile(
  opened: Opened,
  session: Session,
  invocation: Invocation,
  file: string,
  words: readonly string[],
): Promise<number> {
  const byFlag = invocation.flags.text('cage');
  if (words.length > (byFlag === undefined ? 1 : 0)) {
    throw usageError('--file and rules exclude each other', { hint: 'write the rules into the file, or leave it out' });
  }
  const name = await targetCage(opened, session, byFlag ?? words[0]);
  const change = await opened.library.policyAddFile(opened.context, name, file);
  if (!session.output.json) session.output.table(ruleRows(change.rules));
  printChange(change, name, session.output);
  return 0;
}

function printChange(change: PolicyChange, name: string, output: Output): void {
  if (output.json) return output.document({ cage: name, ...change });
  const state = change.confirmed ? 'confirmed by the egress' : 'in force at the next start';
  output.line(`${name}: generation ${change.generation}, ${state}`);
}
