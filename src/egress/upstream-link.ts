// A way to send one request to an upstream, as the exchange sees it: the versions of HTTP differ behind this.
import type { Field } from './fields.ts';
import type { Framing } from './framing.ts';
import type { Body, ByteSides } from './message.ts';
import type { OwnHandshake } from './websocket-handshake.ts';

export interface UpstreamRequest {
  readonly scheme: 'http' | 'https';
  readonly method: string;
  /** Path with the query. */
  readonly target: string;
  /** As it stands in a Host header. */
  readonly authority: string;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  readonly body: Body;
  /** Our own handshake, where the request asks for a WebSocket. */
  readonly handshake: OwnHandshake | undefined;
  /** Whether the client can take trailers. */
  readonly wantsTrailers: boolean;
}

export interface UpstreamAnswer {
  readonly version: '1.0' | '1.1' | '2';
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  /** As received. */
  readonly framing: Framing;
  readonly body: Body;
  /** Rejects when sending the request failed on the client's side or was refused; never resolves. Absent: nothing can fail. */
  readonly sendingFailed: Promise<never> | undefined;
  /** The WebSocket, where the upstream accepted our handshake. */
  readonly webSocket: ByteSides | undefined;
  /** After the whole answer was read: gives the way back for a next request, or ends it where it is not clean. */
  release(): void;
}

export interface UpstreamLink {
  /** Sends a request and waits for the head of its answer. Throws a Refusal, or a StaleLink when nobody has seen the request. */
  exchange(request: UpstreamRequest): Promise<UpstreamAnswer>;
  /** Ends it at once. */
  abort(): void;
}

/** The upstream closed an idle connection while the request was under way to it. */
export class StaleLink extends Error {}
