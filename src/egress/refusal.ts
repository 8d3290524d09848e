// A request that will not pass, thrown from wherever that is found out and caught in one place, which records and answers
// it. Not an IronError: nothing failed, the egress did its work. The texts are shown inside the cage: no secret in them.

export interface RefusalParts {
  /** HTTP status of the answer. */
  status: number;
  /** Id of the rule, or a built-in name in angle brackets. */
  rule: string;
  /** One sentence for people. */
  reason: string;
  /** What the user would type to allow it; empty where nothing would. */
  remedy?: string;
}

export class Refusal extends Error {
  readonly status: number;
  readonly rule: string;
  readonly remedy: string;

  constructor(parts: RefusalParts) {
    super(parts.reason);
    this.name = 'Refusal';
    this.status = parts.status;
    this.rule = parts.rule;
    this.remedy = parts.remedy ?? '';
  }
}

/** Bytes from the cage that are not exactly what the protocol asks for. */
export function malformed(reason: string, status = 400): Refusal {
  return new Refusal({ status, rule: '<malformed>', reason });
}

/** A connection that speaks nothing that could be judged. */
export function unknownProtocol(reason: string): Refusal {
  return new Refusal({ status: 400, rule: '<protocol>', reason });
}

/** Something about the upstream that ends the exchange; the request may have been sent. */
export function upstreamFailure(reason: string, status = 502): Refusal {
  return new Refusal({ status, rule: '<upstream>', reason });
}
