// The record of a run while it is made: changed by what is heard of the run, and written down as often as somebody may look.
import { existsSync } from 'node:fs';
import type { AgentEvent } from '../agents/events.ts';
import type { RunRecord } from './run-record.ts';
import { writeRun, type RunPlaces } from './run-store.ts';
import { addUsage, NO_RUN_USAGE } from './usage.ts';

/** Between two writings of a record that changes all the time. */
const WRITE_MS = 500;
const MAX_NAME_CHARACTERS = 200;

export interface KeptRecord {
  now(): RunRecord;
  change(part: Partial<RunRecord>): void;
  /** What whoever reads the stream must know of it, once. */
  note(text: string): void;
  hear(event: AgentEvent): void;
  /** Where something has changed; with `isUrgent` also just after the last time. */
  write(isUrgent: boolean): void;
}

/** What the run had used is forgotten: what is read again is counted again. */
export function keepRecord(places: RunPlaces, found: RunRecord): KeptRecord {
  let record: RunRecord = { ...found, ...NO_RUN_USAGE };
  let written = '';
  let writtenAt = 0;
  const change = (part: Partial<RunRecord>): void => {
    record = { ...record, ...part };
  };
  return {
    now: () => record,
    change,
    note(text) {
      if (!record.notes.includes(text)) change({ notes: [...record.notes, text] });
    },
    hear(event) {
      if (event.type === 'session') {
        const model = event.model?.slice(0, MAX_NAME_CHARACTERS) ?? record.model;
        change({ sessionId: event.sessionId.slice(0, MAX_NAME_CHARACTERS), model });
      } else if (event.type === 'usage') change(addUsage(record, event, record.sessionBefore));
    },
    write(isUrgent) {
      const now = performance.now();
      const text = JSON.stringify(record);
      if (text === written || (!isUrgent && now - writtenAt < WRITE_MS)) return;
      // Of a removed cage nothing is written any more.
      if (!existsSync(places.root)) return;
      writeRun(places, record);
      written = text;
      writtenAt = now;
    },
  };
}
