// A run as callers see it.
import type { RunRecord } from './run-record.ts';

export type RunInfo = Omit<RunRecord, 'version' | 'init' | 'gvisor' | 'session' | 'sessionBefore'>;

export function viewOf(record: RunRecord): RunInfo {
  const {
    version: _version,
    init: _init,
    gvisor: _gvisor,
    session: _session,
    sessionBefore: _before,
    ...info
  } = record;
  return info;
}
