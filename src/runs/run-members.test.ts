import { expect, test } from 'vitest';
import { membersOfRun, type Candidate, type Sought } from './run-members.ts';

const INIT = 10;
const OUTSIDE = 5;
const SOUGHT: Sought = { id: 'r-this', init: INIT, unclaimedSinceMs: 1_000, others: new Set(['r-other']) };

function candidate(pid: number, parentPid: number, more: Partial<Candidate> = {}): Candidate {
  return {
    pid,
    parentPid,
    startTicks: '1',
    states: ['S'],
    startedAtMs: 2_000,
    marks: [],
    supervises: undefined,
    ...more,
  };
}

function found(candidates: readonly Candidate[], more: Partial<Sought> = {}): number[] {
  return membersOfRun(candidates, { ...SOUGHT, ...more }).map(({ pid }) => pid);
}

test('a run has what carries its mark, its supervisor, and what descends from either', () => {
  const tree = [
    candidate(20, OUTSIDE, { supervises: 'r-this' }),
    candidate(21, 20, { marks: ['r-this'] }),
    candidate(22, 21),
    candidate(23, 22),
    candidate(30, INIT, { marks: ['r-this'], startedAtMs: 0 }),
  ];
  expect(found(tree, { unclaimedSinceMs: undefined })).toEqual([20, 21, 22, 23, 30]);
});

test.each<[string, Partial<Candidate>, boolean]>([
  ['began meanwhile', {}, true],
  ['was there before', { startedAtMs: 999 }, false],
  ['is of another run that goes on', { marks: ['r-other'] }, false],
  ['says that it is of a run that is over', { marks: ['r-past'] }, true],
])('an orphan that %s is one of a counted run: %#', (_what, more, isOfRun) => {
  expect(found([candidate(20, INIT, more)])).toEqual(isOfRun ? [20] : []);
  // Nobody counts: then only what carries the mark.
  expect(found([candidate(20, INIT, more)], { unclaimedSinceMs: undefined })).toEqual([]);
});

test('what was started from outside is somebody else’s, with all that it has', () => {
  expect(found([candidate(20, OUTSIDE), candidate(21, 20), candidate(22, 21, { marks: ['r-past'] })])).toEqual([]);
  expect(found([candidate(20, OUTSIDE), candidate(21, 20, { marks: ['r-this'] }), candidate(22, 21)])).toEqual([
    21, 22,
  ]);
});

test('what an older program starts is its own; what an orphan starts goes with it', () => {
  expect(found([candidate(20, INIT, { startedAtMs: 0 }), candidate(21, 20)])).toEqual([]);
  expect(found([candidate(20, INIT), candidate(21, 20)])).toEqual([20, 21]);
});

test('numbers that go round in a circle are looked at once', () => {
  expect(found([candidate(20, 21), candidate(21, 20)])).toEqual([]);
});
