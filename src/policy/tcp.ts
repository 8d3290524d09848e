// May a connection pass unseen? Only where a rule says `passthrough` for exactly this host and port. Its bytes cannot be
// judged, so that a deny rule for the host counts whatever path or method it speaks of.
import { isMetadataAddress } from './addresses.ts';
import { isExpired } from './expiry.ts';
import { isAddressLiteral, matchesHost } from './hosts.ts';
import type { Circumstances } from './inspector.ts';
import { budget } from './inspectors/budget.ts';
import { DEFAULT_PORTS } from './matching.ts';
import type { Decision, Exchange, Policy, Rule } from './types.ts';

export interface TcpDestination {
  /** Canonical name or address literal. */
  host: string;
  port: number;
}

/** Undefined where no rule speaks of passing unseen: then the connection must speak what can be judged. */
export function decideTcp(
  policy: Policy,
  { host, port }: TcpDestination,
  circumstances: Pick<Circumstances, 'nowMs' | 'usage'>,
): Decision | undefined {
  const matched = policy.rules.find(
    (rule) => rule.effect === 'allow' && rule.passthrough === true && rule.host === host && portOf(rule) === port,
  );
  if (matched === undefined || policy.mode === 'none') return undefined;
  if (isAddressLiteral(host) && isMetadataAddress(host))
    return refuse('<metadata>', 'the address belongs to a metadata service');
  const denial = policy.rules.find(
    (rule) => rule.effect === 'deny' && matchesHost(rule.host, host) && (rule.port === undefined || rule.port === port),
  );
  if (denial !== undefined) return refuse(denial.id, `refused by the rule ${denial.id}`);
  if (matched.expires !== undefined && isExpired(matched.expires, circumstances.nowMs)) {
    return refuse('<default-deny>', `the rule ${matched.id} has expired`);
  }
  const spent = budget.inspect(asExchange(host, port), { ...circumstances, policy, bindings: [], matched });
  if (spent?.action === 'deny') return refuse(spent.rule, spent.reason);
  return {
    decision: 'allow',
    rule: matched.id,
    reason: `passes unseen by the rule ${matched.id}`,
    remedy: '',
    inspectors: [{ name: 'tcp', action: 'pass', reason: `matches ${matched.id}` }],
    private: matched.private === true,
    matched,
  };
}

function portOf(rule: Rule): number {
  return rule.port ?? DEFAULT_PORTS[rule.scheme ?? 'https'];
}

function refuse(rule: string, reason: string): Decision {
  const inspectors = [{ name: 'tcp', action: 'deny' as const, reason }];
  return { decision: 'deny', rule, reason, remedy: '', inspectors, private: false };
}

/** As budgets know it: a connection is one request whose length nobody knows. */
function asExchange(host: string, port: number): Exchange {
  return {
    protocol: 'http',
    scheme: 'https',
    method: '',
    host,
    port,
    path: '',
    query: '',
    headers: [],
    contentLength: undefined,
  };
}
