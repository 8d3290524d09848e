// The cage's body on its way out: counted, measured against the rule's bounds and looked through before it is sent. The
// last bytes go only once the whole body was found good, so that an upstream never has a whole message of a refused one.
import type { CapturedExchange } from './capture.ts';
import { forwardableTrailers } from './fields.ts';
import type { Framing } from './framing.ts';
import type { BodyInspection } from './inspection.ts';
import type { Body } from './message.ts';
import type { Progress } from './progress.ts';
import { tooLong } from './too-long.ts';
import { byteLength } from './transfer.ts';
import type { Meter } from './usage.ts';

export interface OutgoingChecks {
  framing: Framing;
  /** From the deciding rule. */
  maxBodyBytes: number | undefined;
  meter: Meter;
  inspection: BodyInspection | undefined;
  captured: CapturedExchange | undefined;
  progress: Progress;
}

/** Rejects with a Refusal as soon as something is wrong with the body. */
export function checkOutgoing(body: Body, checks: OutgoingChecks): Body {
  const { framing, meter, inspection, captured, progress } = checks;
  let isFinished = false;

  async function finish(): Promise<void> {
    if (isFinished) return;
    isFinished = true;
    const trailers = forwardableTrailers(body.trailers());
    if (inspection === undefined) return;
    if (trailers.length > 0) {
      const text = trailers.map(({ name, value }) => `${name}: ${value}\n`).join('');
      await inspection.push([Buffer.from(text, 'latin1')]);
    }
    await inspection.finish();
  }

  return {
    async next() {
      const pieces = await body.next();
      if (pieces === undefined) {
        await finish();
        progress.bodyRead = true;
        return undefined;
      }
      const bytes = byteLength(pieces);
      const total = progress.bytesOut + bytes;
      if (checks.maxBodyBytes !== undefined && total > checks.maxBodyBytes) throw tooLong('body', checks.maxBodyBytes);
      meter.out(bytes);
      if (inspection !== undefined) {
        const looked = inspection.push(pieces);
        if (looked !== undefined) await looked;
      }
      // With these bytes a body of known length is whole, with or without a word about its end.
      if (framing.kind === 'length' && total >= framing.length) await finish();
      captured?.requestBody(pieces);
      progress.bytesOut = total;
      return pieces;
    },
    trailers: () => forwardableTrailers(body.trailers()),
  };
}
