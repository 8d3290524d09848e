// An ordinary exchange and the circumstances in which an inspector looks at it; a test names what is special.
import { NO_USAGE, type InspectionContext } from '../../src/policy/inspector.ts';
import type { Exchange, Rule } from '../../src/policy/types.ts';

export function exchangeOf(parts: Partial<Exchange> = {}): Exchange {
  return {
    ...{ protocol: 'http', scheme: 'https', method: 'GET', host: 'a.example', port: 443, path: '/', query: '' },
    ...{ headers: [], contentLength: undefined },
    ...parts,
  };
}

export function ruleOf(parts: Partial<Rule> = {}): Rule {
  return { id: 'r', effect: 'allow', origin: 'user', host: 'a.example', ...parts };
}

export function contextOf(parts: Partial<InspectionContext> = {}): InspectionContext {
  const matched = ruleOf();
  return {
    ...{ policy: { mode: 'filtered', rules: [matched] }, matched, bindings: [], nowMs: 0, usage: () => NO_USAGE },
    ...parts,
  };
}
