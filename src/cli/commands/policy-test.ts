// `policy test`: what would happen to a request, who decides, and what was looked at on the way there.
import type { Command } from '../command.ts';
import type { Span } from '../span.ts';
import { CAGE, CAGE_OPTION, namedCage } from './policy-cage.ts';

interface Considered {
  text: string;
  effect: 'allow' | 'deny';
  outcome: string;
}

export const policyTest: Command = {
  kind: 'command',
  name: 'policy test',
  summary: 'say what would happen to a request, and which rule decides',
  notes: [
    'Sends nothing. Exit code 0: it would pass. 1: it would be refused, or asked about.',
    'Deny rules are looked at first; then the first allow rule that matches decides, and every inspector may still refuse.',
  ],
  arguments: [
    CAGE,
    { name: 'METHOD', summary: 'such as GET', required: true },
    { name: 'URL', summary: 'the whole address', required: true },
  ],
  options: [
    CAGE_OPTION,
    { name: 'type', value: 'TYPE', summary: 'content type of the body, such as application/json' },
    { name: 'size', value: 'SIZE', summary: 'size of the body, such as 500 or 1MB; default: none' },
  ],
  examples: [
    { line: 'ironcage policy test GET https://api.example.com/v1/items', does: 'would this request pass?' },
    {
      line: 'ironcage policy test POST https://api.example.com/v1/items --type application/json --size 64KB',
      does: 'and one with such a body?',
    },
  ],
  handler: async (invocation, session) => {
    const { output } = session;
    const opened = await session.open();
    const name = await namedCage(opened, session, invocation);
    const method = invocation.word('METHOD') ?? '';
    const url = invocation.word('URL') ?? '';
    const body = { type: invocation.flags.text('type'), size: invocation.flags.text('size') };
    const result = await opened.library.policyTest(opened.context, name, method, url, body);
    const allowed = result.decision === 'allow';
    if (output.json) output.document(result);
    else {
      output.line([allowed ? 'green' : 'red', result.decision], ` ${result.method} ${result.url}`);
      output.line(`rule: ${result.rule}`);
      output.line(`reason: ${result.reason}`);
      for (const { name: inspector, action, reason } of result.inspectors) {
        output.line(['dim', `heard: ${inspector}: ${action}${reason === '' ? '' : `, ${reason}`}`]);
      }
      const ofHost = result.considered.filter(({ outcome }) => outcome !== 'host');
      const others = result.considered.length - ofHost.length;
      output.table(ofHost.map(consideredRow));
      if (others > 0) output.line(['dim', `  ${others} ${others === 1 ? 'rule' : 'rules'} of other hosts`]);
      if (result.remedy !== '') output.line(`to allow it: ${result.remedy}`);
    }
    return allowed ? 0 : 1;
  },
};

function consideredRow({ text, effect, outcome }: Considered): Span[] {
  const verdict = outcome === 'matches' ? 'matches' : `does not fit: ${outcome}`;
  return [['dim', '  considered:'], effect, text, ['dim', verdict]];
}
