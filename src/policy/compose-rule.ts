// One rule of its parts, whether they came from one line or from the fields of a table: what says no more than the default is
// left out, so that two spellings of one meaning give one rule and one id; parts that contradict each other are refused.
import { DEFAULT_PORTS } from './matching.ts';
import type { RuleTarget } from './rule-target.ts';
import { writeOptions, type RuleOptions } from './rule-words.ts';
import type { Rule, RuleOrigin } from './types.ts';
import { Unfit } from './unfit.ts';

/** What a rule is read by besides its text. */
export interface RuleStance {
  effect: Rule['effect'];
  origin: RuleOrigin;
  /** Milliseconds since the epoch: `expires=2h` counts from here. */
  nowMs: number;
  /** The shared name that makes a wildcard before `name` unsafe, or undefined: see suffixes.ts. */
  sharedSuffix: (name: string) => string | undefined;
}

export interface RuleParts extends RuleTarget, RuleOptions {
  methods: readonly string[] | undefined;
  /** Empty: none. */
  reason: string;
}

/** Throws Unfit. */
export function composeRule(parts: RuleParts, { effect, origin }: Pick<RuleStance, 'effect' | 'origin'>): Rule {
  if (parts.passthrough === true) checkPassthrough(parts);
  const { host, methods, path, websocket, reason, scheme: _, port: __, ...options } = parts;
  const place = effect === 'allow' ? withoutDefaults(parts) : { scheme: parts.scheme, port: parts.port };
  const isDefaultWebsocket = websocket === (effect === 'deny' || methods === undefined);
  const rule: Rule = {
    id: '',
    effect,
    origin,
    host,
    ...(place.port !== undefined && { port: place.port }),
    ...(place.scheme !== undefined && { scheme: place.scheme }),
    ...(methods !== undefined && { methods }),
    ...(path !== undefined && path !== '/**' && { path }),
    ...options,
    ...(websocket !== undefined && !isDefaultWebsocket && { websocket }),
  };
  return { ...rule, id: ruleId(rule), ...(reason !== '' && { reason }) };
}

/**
 * Says which requests are meant, not what holds for them: the same rule with another bound takes the place of the first
 * instead of standing behind it unheard.
 */
function ruleId(rule: Rule): string {
  return `${rule.effect}:${[...writeTarget(rule), ...writeOptions(rule, (word) => word.isMatch)].join(' ')}`;
}

/** Methods, where there are any, and the target: the words with which the text of a rule begins. */
export function writeTarget(rule: Rule): string[] {
  const host = rule.host.includes(':') ? `[${rule.host}]` : rule.host;
  const scheme = rule.scheme === undefined ? '' : `${rule.scheme}://`;
  const port = rule.port === undefined ? '' : `:${rule.port}`;
  const written = `${scheme}${host}${port}${rule.path ?? ''}`;
  // One word alone would be read as the name of a bundle: with the dot of its root it is a host.
  const target = /^[^.:/*[]+$/.test(written) ? `${written}.` : written;
  return rule.methods === undefined ? [target] : [rule.methods.join(','), target];
}

function withoutDefaults({ scheme, port, passthrough }: RuleParts): Pick<RuleTarget, 'scheme' | 'port'> {
  if (passthrough === true) return { scheme: undefined, port };
  // Who writes port 80 without a scheme means plain HTTP.
  const meant = scheme === undefined && port === DEFAULT_PORTS.http ? 'http' : scheme;
  const isDefaultPort = port === DEFAULT_PORTS[meant ?? 'https'];
  return {
    scheme: meant === 'https' && port !== DEFAULT_PORTS.http ? undefined : meant,
    port: isDefaultPort ? undefined : port,
  };
}

/** Bytes that nobody looks into go to one host and one port, and no word may pretend to look into them. */
function checkPassthrough(parts: RuleParts): void {
  const fault =
    (parts.host.startsWith('*') && 'passthrough names one host, no wildcard') ||
    (parts.port === undefined && 'passthrough names its port') ||
    (parts.scheme !== undefined && 'passthrough takes no scheme: nobody looks whether it is spoken') ||
    (parts.path !== undefined && 'passthrough takes no path: nobody reads one') ||
    (parts.methods !== undefined && 'passthrough takes no methods: nobody reads them') ||
    (hasHttpWords(parts) && 'passthrough takes no words about requests: nobody reads any');
  if (fault === false) return;
  throw new Unfit(fault, 'example: db.example.com:5432 passthrough', 'passthrough');
}

function hasHttpWords(parts: RuleParts): boolean {
  const { websocket, contentTypes, maxQueryBytes, maxBodyBytes, secrets, pushRefs } = parts;
  return [websocket, contentTypes, maxQueryBytes, maxBodyBytes, secrets, pushRefs].some((value) => value !== undefined);
}
