// What the command line asks of the library about evidence.
import type { EvidenceCheck, EvidenceRequest, TimedEntry } from '../index.ts';
import type { Context } from './library-context.ts';

export type { EvidenceCheck, EvidenceRequest, TimedEntry } from '../index.ts';

export interface EvidenceLibrary {
  collectEvidence(context: Context, request: EvidenceRequest): AsyncIterable<TimedEntry>;
  evidenceLines(context: Context, request: EvidenceRequest): AsyncIterable<string>;
  writeEvidence(context: Context, request: EvidenceRequest, file: string): Promise<{ records: number; head: string }>;
  verifyEvidence(file: string): Promise<EvidenceCheck>;
  checkEvidence(context: Context, request: EvidenceRequest): Promise<EvidenceCheck>;
  exportTraces(context: Context, request: EvidenceRequest): Promise<{ spans: number; endpoint: string }>;
  writeText(context: Context, file: string, pieces: AsyncIterable<string>): Promise<void>;
}
