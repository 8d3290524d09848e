// From the spec to what the egress is told: one generation of rules, bindings, values and routes.
import { DEFAULT_LIMITS, type EgressConfig, type EgressGeneration } from '../egress/config.ts';
import type { ListenerRequest } from '../backends/backend.ts';
import type { Policy } from '../policy/types.ts';
import type { Context } from './context.ts';
import type { CageSpec, SpecBinding } from './spec.ts';

/** Ports on which a cage's connections are taken in, whatever address they go to. */
const WEB_PORTS = [80, 443] as const;
export const PROXY_PORT = 3128;
export const DNS_PORT = 53;

/** All ports that need a listener: the web's, and each that a rule names. */
export function listenedPorts(spec: Pick<CageSpec, 'rules'>): number[] {
  const ports = new Set<number>(WEB_PORTS);
  for (const rule of spec.rules) if (rule.port !== undefined) ports.add(rule.port);
  ports.delete(PROXY_PORT);
  ports.delete(DNS_PORT);
  return [...ports].sort((a, b) => a - b);
}

/** What the egress of every cage listens on, whatever its rules. */
export function requiredListeners(): ListenerRequest[] {
  return [
    ...WEB_PORTS.map((port): ListenerRequest => ({ purpose: 'tcp', port })),
    { purpose: 'proxy', port: PROXY_PORT },
    { purpose: 'dns-tcp', port: DNS_PORT },
    { purpose: 'dns-udp', port: DNS_PORT },
  ];
}

/** The value of a bound secret, or undefined when neither the store nor the host's environment has one. */
export async function secretValue(
  context: Context,
  cage: string,
  binding: Pick<SpecBinding, 'name'>,
): Promise<string | undefined> {
  // Loaded here: most commands compare policies and need no value.
  const [{ createSecretValue }, { readSecretValue }, { secretsDirectory }] = await Promise.all([
    import('../secrets/secret-value.ts'),
    import('../secrets/store.ts'),
    import('./secrets.ts'),
  ]);
  const stored = await readSecretValue(secretsDirectory(context), binding.name, cage);
  if (stored !== undefined) return stored.reveal();
  const fromEnvironment = context.environment[binding.name];
  if (fromEnvironment === undefined || fromEnvironment === '') return undefined;
  // The same checks as for a value that is stored.
  return createSecretValue(binding.name, fromEnvironment).reveal();
}

/** The policy as a spec has it. */
export function cagePolicy({ net, rules, inspection }: Pick<CageSpec, 'net' | 'rules' | 'inspection'>): Policy {
  // An open cage has no egress: one that were asked would let nothing pass.
  return { mode: net === 'open' ? 'none' : net, rules, ...(inspection !== undefined && { inspection }) };
}

export async function egressGeneration(context: Context, spec: CageSpec): Promise<EgressGeneration> {
  const secretValues: Record<string, string> = {};
  for (const binding of spec.secrets) {
    const value = await secretValue(context, spec.name, binding);
    if (value !== undefined) secretValues[binding.name] = value;
  }
  return {
    generation: spec.generation,
    policy: cagePolicy(spec),
    bindings: spec.secrets.map(({ name, hosts, slots, placeholder }) => ({ name, hosts, slots, placeholder })),
    secretValues,
    routes: spec.routes,
  };
}

/** Paths are the egress's own view; see the backend that starts it. */
export async function egressConfig(
  context: Context,
  spec: CageSpec,
  inside: Pick<EgressConfig, 'caDirectory' | 'auditDirectory' | 'controlSocket' | 'upstreamCaFiles'>,
): Promise<EgressConfig> {
  const inspectors = spec.inspectors.map(({ name, timeoutMs }) => ({ name, timeoutMs }));
  return { ...(await egressGeneration(context, spec)), cage: spec.name, ...inside, inspectors, limits: DEFAULT_LIMITS };
}
