// What the egress is told, by whom, and what it answers: the only contract between the egress program and the rest.
// Start: the parent (Node IPC) sends `configure`, then one `listener` message per socket handle; the egress answers
// `ready`. Afterwards the control socket carries one JSON request per line and one JSON answer per line.
import type { Policy } from '../policy/types.ts';
import type { SecretBinding } from '../secrets/types.ts';

/** One generation of what may change while the egress runs. Applied whole or not at all. */
export interface EgressGeneration {
  /** Rises by one with every change. */
  generation: number;
  policy: Policy;
  bindings: readonly SecretBinding[];
  /** Values by secret name; never logged, never echoed, never written to disk by the egress. */
  secretValues: Readonly<Record<string, string>>;
  /**
   * Secrets whose value is gone. A bound secret that is named here nor above keeps the value that the egress has: it may
   * have come from the environment of another command than the one that changes a rule.
   */
  withdrawnSecrets?: readonly string[] | undefined;
  routes: readonly EgressRoute[];
}

/** `--route HOST=ADDR:PORT[,ca=FILE]`: this host's traffic is dialled there; policy and secrets apply as for the host. */
export interface EgressRoute {
  host: string;
  address: string;
  port: number;
  /** PEM text of the authorities trusted for this route instead of the system's. */
  caPem?: string | undefined;
}

export interface EgressConfig extends EgressGeneration {
  cage: string;
  /** Directory for ca-key.pem and ca.pem; the cage gets only the text of ca.pem. */
  caDirectory: string;
  /** Directory of audit.jsonl. */
  auditDirectory: string;
  /** Path of the control socket to listen on. */
  controlSocket: string;
  /** PEM files of authorities trusted upstream besides Node's own. */
  upstreamCaFiles: readonly string[];
  /** Inspectors that the user wrote; the egress serves nothing before each has come and is loaded. */
  inspectors: readonly InspectorSetting[];
  limits: EgressLimits;
}

export interface InspectorSetting {
  /** Letters, digits, `-`, `_` and `.`; as it stands in records. */
  name: string;
  /** For one answer. */
  timeoutMs: number;
}

export interface EgressLimits {
  maxConnections: number;
  maxHeadBytes: number;
  maxHeaders: number;
  /** Time for a client to finish its request head. */
  headTimeoutMs: number;
  /** Time without a byte in either direction before an exchange is given up. */
  idleTimeoutMs: number;
  /** Time to resolve, connect and shake hands upstream. */
  dialTimeoutMs: number;
}

export const DEFAULT_LIMITS: EgressLimits = {
  maxConnections: 1024,
  maxHeadBytes: 64 * 1024,
  maxHeaders: 200,
  headTimeoutMs: 30_000,
  idleTimeoutMs: 600_000,
  dialTimeoutMs: 30_000,
};

/** What a listener handle is for. Each is bound to the wildcard address inside the cage's network namespace. */
export type ListenerPurpose =
  /** TCP, transparent: the accepted socket's local address and port are the destination that was asked for. */
  | 'tcp'
  /** TCP on a known port: an HTTP proxy for clients that use CONNECT or absolute-form requests. */
  | 'proxy'
  /** UDP port 53 and TCP port 53. */
  | 'dns-udp'
  | 'dns-tcp';

/** Parent → egress, over IPC. */
export type EgressParentMessage =
  | { type: 'configure'; config: EgressConfig }
  /** Comes with the handle: a net.Server, or a dgram.Socket for dns-udp. `isGate`: a unix socket, see proxy-header.ts. */
  | { type: 'listener'; purpose: ListenerPurpose; port: number; isGate?: boolean }
  /** Comes with the handle: a net.Socket to the process of that inspector. */
  | { type: 'inspector'; name: string }
  /** After the last listener: start to answer. */
  | { type: 'serve' };

/** Egress → parent, over IPC. */
export type EgressChildMessage =
  /** `caPem` is the public certificate only. */
  | { type: 'configured'; generation: number; hash: string; caPem: string }
  | { type: 'serving'; generation: number; hash: string }
  | { type: 'failed'; message: string };

/** Host → egress, over the control socket. */
export type ControlRequest =
  | { op: 'status' }
  | { op: 'apply'; generation: EgressGeneration }
  | { op: 'stop' }
  /** What waits for an answer now. */
  | { op: 'asks' }
  /** Answered with one AskEvent per line, for as long as the connection stays open. */
  | { op: 'watch' }
  /** `by`: who answers, for the record. */
  | { op: 'answer'; id: string; answer: 'once' | 'deny'; by: string };

export type ControlAnswer =
  | {
      ok: true;
      generation: number;
      hash: string;
      pid: number;
      connections: number;
      requests: number;
      refused: number;
      /** Only where they were asked for. */
      asks?: readonly HeldRequest[];
    }
  | { ok: false; message: string; generation: number; hash: string };

/** A request that waits for a person. Everything but id and times is the cage's own text: bounded, but not fit to print as it is. */
export interface HeldRequest {
  /** Random: an answer never meets another question than the one it was given to. */
  id: string;
  askedAt: string;
  /** When the answer becomes a no. */
  expiresAt: string;
  protocol: 'http' | 'websocket';
  scheme: 'https' | 'http';
  method: string;
  /** A-label form. */
  host: string;
  port: number;
  /** Canonical. */
  path: string;
  query: string;
  /** Absent: the length of the body is not known. */
  contentLength?: number;
  contentType?: string;
  /** The cage's end of the connection. */
  client?: { address: string; port: number };
  /** What was missed, and why it asks. */
  rule: string;
  reason: string;
  /** How many identical requests wait for this answer. */
  waiting: number;
}

/** One line of an answer to `watch`. */
export type AskEvent =
  | { event: 'asked'; ask: HeldRequest }
  /** `changed`: judged anew by other settings; should it still have to be asked, the same id is `asked` again. */
  | { event: 'closed'; id: string; outcome: 'once' | 'denied' | 'timeout' | 'gone' | 'changed'; by?: string }
  /** Everything that waited at the beginning has been told. */
  | { event: 'ready' };
