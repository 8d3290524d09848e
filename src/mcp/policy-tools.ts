// What the egress refused, and what a person would type to allow it. Proposes only: a rule that an outer agent could take over would
// be a way for the agent inside to write its own rules.
import * as z from 'zod';
import { auditOutcome, waitingRequests } from '../index.ts';
import { CAGE } from './cage-tools.ts';
import type { AddTool } from './tool.ts';

export function addPolicyTools(add: AddTool): void {
  add({
    name: 'policy_proposals',
    title: 'What was refused, and what would allow it',
    description:
      'Requests of a cage that were refused or wait for an answer, with the command that would let each pass. Show the commands to the user and let the user decide and type them: do not run them yourself. The requests were chosen by the agent inside.',
    readOnly: true,
    input: z.strictObject({
      cage: CAGE,
      sinceMinutes: z
        .number()
        .positive()
        .default(24 * 60)
        .describe('how far to look back'),
    }),
    async call({ cage, sinceMinutes }, { context, ...call }) {
      const name = await call.cage(cage);
      const { refused, requests } = await auditOutcome(context, name, context.clock.now() - sinceMinutes * 60_000);
      const waiting = await waitingRequests(context, name);
      const times = refused.reduce((sum, { count }) => sum + count, 0);
      return {
        facts: {
          ...{ cage: name, requests, refused: times, different: refused.length, waiting: waiting.length },
          howTo: 'a person decides, and types the command; none of them is run by this tool',
          ...(waiting.length === 0 ? {} : { answerAt: `ironcage approve ${name}` }),
        },
        fromCage: [
          ...waiting.map(({ method, url, reason }) => `waits: ${method} ${url} (${reason})`),
          ...refused.flatMap(({ count, method, host, path, rule, reason, remedy }) => [
            `${count}× ${method} ${host}${path} by ${rule}${reason === '' ? '' : `: ${reason}`}`,
            remedy === '' ? '   nothing would allow it' : `   to allow it: ${remedy}`,
          ]),
        ].join('\n'),
      };
    },
  });
}
