// `policy`: the rules of one cage, live. The library parses rules and confirms changes with the egress.
import type { ArgumentSpec, Command, CommandGroup, Invocation, Opened, OptionSpec, Session } from '../command.ts';
import type { PolicyChange } from '../library.ts';
import type { Output } from '../output.ts';
import { ruleRows } from '../rule-rows.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';
import { policyLearn } from './policy-learn.ts';
import { policyPrune } from './policy-prune.ts';

const CAGE: ArgumentSpec = { name: 'CAGE', summary: 'default: the cage of the current project', required: false };
const CAGE_OPTION: OptionSpec = {
  name: 'cage',
  value: 'CAGE',
  summary: 'the cage, where a first word could be a rule too',
};

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
      const confirmed = policy.confirmed ? 'confirmed by the egress' : 'not confirmed: the egress does not run';
      output.line(`${name}: ${policy.mode}, generation ${policy.generation}, ${confirmed}`);
      output.table(ruleRows(policy.rules));
      output.line(['dim', '  everything else is refused']);
    }
    return 0;
  },
};

const allow = ruleCommand('allow', 'let requests pass from now on', [
  { line: 'ironcage policy allow npm', does: 'packages of the npm registry may be fetched' },
  {
    line: "ironcage policy allow shop 'GET api.example.com/v1/**'",
    does: 'one verb, one host, one path in the cage shop',
  },
]);

const deny = ruleCommand('deny', 'refuse requests from now on; goes before every allow', [
  { line: "ironcage policy deny 'POST api.example.com/**'", does: 'nothing may be posted there' },
]);

const rm: Command = {
  kind: 'command',
  name: 'policy rm',
  summary: 'take a rule away',
  arguments: [CAGE, { name: 'RULE', summary: 'its id or its text, as policy show prints it', required: true }],
  options: [CAGE_OPTION],
  examples: [{ line: 'ironcage policy rm allow:api.example.com', does: 'take one rule away' }],
  handler: async (invocation, session) => {
    const opened = await session.open();
    const name = await namedCage(opened, session, invocation);
    const change = await opened.library.policyRemove(opened.context, name, invocation.word('RULE') ?? '');
    printChange(change, name, session.output);
    return 0;
  },
};

const test: Command = {
  kind: 'command',
  name: 'policy test',
  summary: 'say what would happen to a request, and which rule decides',
  notes: ['Sends nothing. Exit code 0: it would pass. 1: it would be refused.'],
  arguments: [
    CAGE,
    { name: 'METHOD', summary: 'such as GET', required: true },
    { name: 'URL', summary: 'the whole address', required: true },
  ],
  options: [CAGE_OPTION],
  examples: [{ line: 'ironcage policy test POST https://api.example.com/v1/items', does: 'would this request pass?' }],
  handler: async (invocation, session) => {
    const { output } = session;
    const opened = await session.open();
    const name = await namedCage(opened, session, invocation);
    const method = invocation.word('METHOD') ?? '';
    const result = await opened.library.policyTest(opened.context, name, method, invocation.word('URL') ?? '');
    const allowed = result.decision === 'allow';
    if (output.json) output.document(result);
    else {
      output.line([allowed ? 'green' : 'red', result.decision], ` ${result.method} ${result.url}`);
      output.line(`rule: ${result.rule}`);
      output.line(`reason: ${result.reason}`);
      if (result.remedy !== '') output.line(`to allow it: ${result.remedy}`);
    }
    return allowed ? 0 : 1;
  },
};

export const policy: CommandGroup = {
  kind: 'group',
  name: 'policy',
  summary: 'show, change and test the rules of a cage',
  commands: [show, allow, deny, rm, test, policyLearn, policyPrune],
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
        required: true,
        repeatable: true,
      },
    ],
    options: [CAGE_OPTION],
    examples,
    handler: async (invocation, session) => {
      const opened = await session.open();
      const { library, context } = opened;
      const words = [...invocation.words('CAGE'), ...invocation.words('RULE')];
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

/** A rule such as `*.example.com` is no valid name of a cage, and asking for one that is not valid throws. */
function isCage({ library, context }: Opened, word: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(word) && library.cageExists(context, word);
}

function namedCage(opened: Opened, session: Session, { word, flags }: Invocation): Promise<string> {
  const byFlag = flags.text('cage');
  if (byFlag !== undefined && word('CAGE') !== undefined) {
    throw usageError('the cage is named twice', { hint: 'name it as a word or with --cage, not both' });
  }
  return targetCage(opened, session, byFlag ?? word('CAGE'));
}

function printChange(change: PolicyChange, name: string, output: Output): void {
  if (output.json) return output.document({ cage: name, ...change });
  const state = change.confirmed ? 'confirmed by the egress' : 'in force at the next start';
  output.line(`${name}: generation ${change.generation}, ${state}`);
}
