// Somebody's wish that a run ends, on file: its recorder, this one or the next, reads it.
import { readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import type { RunReason } from './run-record.ts';

type StopCode = Extract<RunReason['code'], 'user' | 'interrupted'>;

export function requestStop(path: string, code: StopCode): void {
  writeFileAtomic(path, JSON.stringify({ code }));
}

export function readStopRequest(path: string): RunReason | undefined {
  const text = readTextIfPresent(path);
  if (text === undefined) return undefined;
  const value = parseJson(text);
  const isInterrupt = typeof value === 'object' && value !== null && 'code' in value && value.code === 'interrupted';
  return isInterrupt
    ? { code: 'interrupted', message: 'whoever launched it interrupted it' }
    : { code: 'user', message: 'it was stopped' };
}
