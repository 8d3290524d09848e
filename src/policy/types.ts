// The words of the policy. Plain data: it crosses process borders as JSON and is stored in specs.

/** Where a rule came from; shown beside every decision it takes. */
export type RuleOrigin = 'user' | 'agent' | 'bundle' | 'preset';

export interface Rule {
  /** Stable name, unique in its policy, shown in decisions: `allow:registry.npmjs.org`, `npm:metadata`. */
  id: string;
  effect: 'allow' | 'deny';
  origin: RuleOrigin;
  /** Normalised host pattern: an exact name, `*.name` (one label), `**.name` (any depth), or an address literal. */
  host: string;
  /** Destination port. Absent: the default port of `scheme` (443 or 80) for allow rules, any port for deny rules. */
  port?: number | undefined;
  /** Absent: https for allow rules, any for deny rules. */
  scheme?: 'https' | 'http' | undefined;
  /** Upper-case HTTP methods. Absent: any. */
  methods?: readonly string[] | undefined;
  /** Path glob on the canonical path: `*` within a segment, `**` across segments. Absent: any. */
  path?: string | undefined;
  /** Query strings longer than this many bytes do not match. Absent: no bound. */
  maxQueryBytes?: number | undefined;
  /** Whether a WebSocket handshake may match. Default true for deny rules and for allow rules without methods, else false. */
  websocket?: boolean | undefined;
  /** Allows the name to resolve to a private, loopback or link-local address. Default false. */
  private?: boolean | undefined;
  /** Media types that the body may declare, lower case: `application/json`, `text/*`. Absent: any. */
  contentTypes?: readonly string[] | undefined;
  /** Longer request bodies do not match when their length is declared, and are cut off when it is not. Absent: no bound. */
  maxBodyBytes?: number | undefined;
  /** How much may pass by this rule; more is refused by `<budget>`. */
  budget?: Budget | undefined;
  /** Raw TCP to this host and port, neither TLS nor HTTP looked into. One exact host and one port only. */
  passthrough?: boolean | undefined;
  /** ISO 8601. From then on the rule does not match; what cannot be parsed has expired. Deny rules do not expire. */
  expires?: string | undefined;
  /** Names of the secrets that may be put into requests that pass by this rule. Absent: any that is bound to the host. */
  secrets?: readonly string[] | undefined;
  /** Git references, as globs (`refs/heads/agent/*`), that a push by this rule may change; a push of any other is refused. */
  pushRefs?: readonly string[] | undefined;
  /** The user's word that a wildcard under a shared suffix is meant. */
  sharedSuffix?: boolean | undefined;
  /** Why the rule exists, for people. */
  reason?: string | undefined;
}

/** Bounds of one rule. Minutes and days are calendar ones, UTC. */
export interface Budget {
  requestsPerMinute?: number | undefined;
  requestsPerDay?: number | undefined;
  /** Body bytes towards the network. */
  bytesPerMinute?: number | undefined;
  bytesPerDay?: number | undefined;
}

/** What has passed by one rule in the present minute and day. */
export interface Usage {
  requestsThisMinute: number;
  requestsToday: number;
  bytesThisMinute: number;
  bytesToday: number;
}

/** What an inspector that judges content does about what it finds. */
export type InspectorSetting = 'off' | 'flag' | 'block';

/** Settings of the inspectors that can be wrong; all others always block. */
export interface InspectionSettings {
  /** Shapes of well-known credentials. */
  secretShapes: InspectorSetting;
  /** Entropy, encoded blobs, bodies that are not what they declare. */
  payloadShape: InspectorSetting;
}

export const DEFAULT_INSPECTION: InspectionSettings = { secretShapes: 'flag', payloadShape: 'flag' };

export interface Policy {
  /**
   * `filtered`: default deny, rules decide. `ask`: what no rule names is held until somebody answers. `learn`: what no rule
   * names passes and is recorded; every other refusal stands. `none`: everything is refused whatever the rules say.
   */
  mode: 'filtered' | 'ask' | 'learn' | 'none';
  /** Evaluation order: every deny rule first, then allow rules, each in list order; no match is a deny. */
  rules: readonly Rule[];
  /** Absent: DEFAULT_INSPECTION. */
  inspection?: InspectionSettings | undefined;
}

/** Where in a request a placeholder is swapped for the value. Anywhere else it is a refusal. */
export type SecretSlot =
  /** The whole value of this header (lower-case name), `x-api-key`. */
  | { kind: 'header'; name: string }
  /** `Authorization: Bearer …` (or `token …`, as GitHub's API has it). */
  | { kind: 'bearer' }
  /** The password of `Authorization: Basic …`. */
  | { kind: 'basic-password' };

/** A secret as the policy knows it: everything but its value. */
export interface PlaceholderBinding {
  /** Upper-case name as in the environment: `ANTHROPIC_API_KEY`. */
  name: string;
  /** Exact hosts. Never a pattern. */
  hosts: readonly string[];
  slots: readonly SecretSlot[];
  /** What the cage gets instead: a prefix that looks right to the client, and 128 random bits in hex. */
  placeholder: string;
}

/** One request as the policy sees it, after the authority was checked and everything was normalised. */
export interface Exchange {
  protocol: 'http' | 'websocket';
  scheme: 'https' | 'http';
  /** Upper-case. */
  method: string;
  /** A-label form, lower case, no trailing dot; or an address literal without brackets. */
  host: string;
  port: number;
  /** Canonical: begins with `/`, no dot segments, no needless percent-escapes. */
  path: string;
  /** Without the `?`; empty when there is none. */
  query: string;
  /** Header fields in order, names in lower case. */
  headers: readonly (readonly [name: string, value: string])[];
  /** Value of Content-Length, or undefined when unknown. */
  contentLength: number | undefined;
}

export interface InspectorNote {
  name: string;
  action: 'pass' | 'note' | 'deny';
  reason: string;
}

export interface Decision {
  decision: 'allow' | 'deny' | 'ask';
  /** Id of the rule that decided, or a built-in name in angle brackets: `<default-deny>`, `<authority>`, `<placeholder>`, `<error>`. */
  rule: string;
  /** One sentence for people. */
  reason: string;
  /** What the user would type to allow it; empty where nothing would. */
  remedy: string;
  /** Every inspector that had something to say, in chain order. */
  inspectors: readonly InspectorNote[];
  /** From the deciding allow rule: private destinations are fine. */
  private: boolean;
  /** The allow rule that decided; absent for refusals and for `learn`. */
  matched?: Rule | undefined;
}
