// Everything that is settled about one allowed request before it is sent.
import type { CapturedExchange } from './capture.ts';
import type { ClientStream } from './client-stream.ts';
import type { Destination } from './dial.ts';
import type { Field } from './fields.ts';
import type { BodyInspection, Inspections } from './inspection.ts';
import type { Judged } from './judge.ts';
import type { Progress } from './progress.ts';
import type { Redactor } from './redact.ts';
import type { Settings } from './settings.ts';
import type { Upstreams } from './upstream.ts';
import type { Meter } from './usage.ts';

export interface Forwarding {
  readonly judged: Judged;
  readonly stream: ClientStream;
  readonly destination: Destination;
  /** With secrets in place. */
  readonly fields: readonly Field[];
  readonly settings: Settings;
  /** Where a secret is in the fields. */
  readonly redactor: Redactor | undefined;
  readonly upstreams: Upstreams;
  readonly inspections: Inspections;
  readonly inspection: BodyInspection | undefined;
  readonly meter: Meter;
  readonly captured: CapturedExchange | undefined;
  /** Filled in as it goes. */
  readonly progress: Progress;
}
