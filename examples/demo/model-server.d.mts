// Types of model-server.mjs, for tests that are written in TypeScript.
import type { IncomingHttpHeaders } from 'node:http';

/** One answer of the model. Without tools it ends the conversation. */
export interface ModelStep {
  text?: string;
  tools?: readonly { name: string; input: Record<string, unknown> }[];
}

/** A step may be made from the texts of all tool results so far, oldest first. */
export type ScriptStep = ModelStep | ((toolResults: readonly string[]) => ModelStep);

export interface ModelServerOptions {
  /** The only credential that is accepted, as x-api-key or bearer. */
  apiKey: string;
  script: readonly ScriptStep[];
  /** The name in the certificate. Default api.anthropic.com. */
  host?: string;
  /** Default: any free port of 127.0.0.1. */
  port?: number;
}

export interface RecordedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** Where the credential stood. */
  slot: 'x-api-key' | 'bearer' | 'none';
  /** Whether the credential was `apiKey`. */
  authenticated: boolean;
  bodyBytes: number;
  body: string;
  /** A request beside the main conversation: it does not advance the script. */
  side: boolean;
  model: string | undefined;
  /** Names of the tools that the answer called. */
  tools: string[];
}

export interface ModelServer {
  port: number;
  /** The authority to trust, PEM. */
  caPem: string;
  /** Every request so far, in order of arrival. */
  requests: RecordedRequest[];
  close(): Promise<void>;
}

export function startModelServer(options: ModelServerOptions): Promise<ModelServer>;
