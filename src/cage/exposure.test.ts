import { expect, test } from 'vitest';
import { parseRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { exposureOf } from './exposure.ts';
import type { CageSpec } from './spec.ts';

function rules(effect: Rule['effect'], ...texts: string[]): Rule[] {
  return texts.flatMap((text) => {
    const parsed = parseRule(text, { effect, origin: 'user', nowMs: 0, sharedSuffix: () => undefined });
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.rules;
  });
}

const some = [
  ...rules('allow', 'a.example/x', 'a.example/y', 'db.example:5432 passthrough'),
  ...rules('deny', 'b.example'),
];
const HOSTS = 'a.example, db.example:5432 (raw, unseen)';

test.each<[CageSpec['net'], Rule[], string]>([
  ['filtered', [], 'nothing'],
  ['filtered', some, HOSTS],
  ['none', some, 'nothing'],
  ['ask', [], 'what you approve'],
  ['ask', some, `${HOSTS}, and what you approve`],
  ['learn', [], 'every public host (learning)'],
  ['learn', some, `every public host (learning), ${HOSTS}`],
  [
    'open',
    [],
    'the whole internet, unseen and without a record (no SSH port, image registries, private networks or this machine)',
  ],
])('under %s the line says what is reached', (net, given, reach) => {
  const line = exposureOf({ net, rules: given, secrets: [] }, ['/usr'], ['its home']);
  expect(line).toBe(`reaches ${reach}; reads /usr; writes its home; secrets none`);
});

test('where a cage is reached from stands in the line, and from where', () => {
  const ports = [
    { address: '127.0.0.1', port: 8080, cagePort: 3000 },
    { address: '::', port: 8081, cagePort: 3000 },
  ];
  const line = exposureOf({ net: 'none', rules: [], secrets: [], ports }, ['/usr'], ['its home']);
  expect(line).toContain('; is reached at 127.0.0.1:8080, [::]:8081 (also from the network)');
});
