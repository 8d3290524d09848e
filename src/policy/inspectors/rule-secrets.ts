// A rule may say which secrets go by it. The placeholder of any other is refused there, even in its own slot at its own host:
// a token for reading must not come along where only the one for publishing was meant.
import type { Inspector } from '../inspector.ts';
import { appearsIn, readings } from '../traces.ts';

export const ruleSecrets: Inspector = {
  name: 'rule-secrets',
  inspect(exchange, { matched, bindings }) {
    const listed = matched?.secrets;
    if (matched === undefined || listed === undefined || bindings.length === 0) return undefined;
    const text = readings([exchange.path, exchange.query, ...exchange.headers.flat()].join('\n'));
    const unlisted = bindings.find((binding) => !listed.includes(binding.name) && appearsIn(binding, text));
    if (unlisted === undefined) return undefined;
    const reason = `the rule ${matched.id} does not list the secret ${unlisted.name}, whose placeholder the request carries`;
    return { action: 'deny', rule: '<rule-secrets>', reason, remedy: '' };
  },
};
