// What was decided about findings, kept beside the workspace. A decision holds for one class at one file with exactly these contents:
// whatever changes later has not been decided. Must not be written from inside a cage: it lies outside of every mount.
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { readTextIfPresent, removeTree, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import { gravest, type Finding, type Rank } from './finding.ts';
import type { HostExecutableFile } from './guard-change.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

const FILE_NAME = 'review.json';

const DECISIONS = ['accepted', 'left-out'] as const;
export type Decision = (typeof DECISIONS)[number];

export interface DecidedFinding extends Finding {
  decision: Decision | 'undecided';
}

export interface DecidedFile extends HostExecutableFile {
  rank: Rank;
  /** Left out when one of its findings is, accepted when all are. */
  decision: Decision | 'undecided';
  reasons: readonly DecidedFinding[];
}

/** The findings with what was decided about them. */
export function decideFiles(workspace: PreparedWorkspace, files: readonly HostExecutableFile[]): DecidedFile[] {
  const decisions = readDecisions(workspace);
  return files.map((file) => {
    const reasons = file.reasons.map((finding) => ({
      ...finding,
      decision: decisions.get(decisionKey(file, finding)) ?? ('undecided' as const),
    }));
    return { ...file, rank: gravest(reasons), decision: decisionOf(reasons), reasons };
  });
}

function decisionOf(findings: readonly DecidedFinding[]): DecidedFile['decision'] {
  if (findings.some(({ decision }) => decision === 'left-out')) return 'left-out';
  return findings.every(({ decision }) => decision === 'accepted') ? 'accepted' : 'undecided';
}

/** Keeps what was decided about `files` and nothing else. The caller holds the cage's lock. */
export function rememberDecisions(workspace: PreparedWorkspace, files: readonly DecidedFile[]): void {
  const decisions: Record<string, Decision> = {};
  for (const file of files) {
    for (const finding of file.reasons) {
      if (finding.decision !== 'undecided') decisions[decisionKey(file, finding)] = finding.decision;
    }
  }
  const directory = workspaceDirectory(workspace.storeDirectory);
  const path = join(directory, FILE_NAME);
  if (Object.keys(decisions).length === 0) removeTree(path, directory);
  else writeFileAtomic(path, `${JSON.stringify({ version: 1, decisions }, undefined, 2)}\n`);
}

/** Details belong to it: the name that a name collides with is not in the file's contents. */
function decisionKey(file: HostExecutableFile, finding: Finding): string {
  return JSON.stringify([finding.class, file.content, file.path, finding.trigger, ...finding.details]);
}

function readDecisions(workspace: PreparedWorkspace): ReadonlyMap<string, Decision> {
  const path = join(workspaceDirectory(workspace.storeDirectory), FILE_NAME);
  const text = readTextIfPresent(path);
  if (text === undefined) return new Map();
  const decisions = parseDecisions(text);
  if (decisions !== undefined) return decisions;
  throw new IronError('E_STATE_BROKEN', {
    message: `the decisions of the review, ${path}, cannot be read`,
    hint: `remove the file: everything is undecided then, and nothing else is lost`,
    details: { path },
  });
}

/** By hand: every export reads it, and the schema library is the larger part of a short command's start. */
function parseDecisions(text: string): ReadonlyMap<string, Decision> | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || !('version' in value) || !('decisions' in value)) return undefined;
  const { version, decisions } = value;
  if (version !== 1 || typeof decisions !== 'object' || decisions === null || Array.isArray(decisions))
    return undefined;
  const found = new Map<string, Decision>();
  for (const [key, said] of Object.entries(decisions)) {
    const decision = DECISIONS.find((each) => each === said);
    if (decision === undefined) return undefined;
    found.set(key, decision);
  }
  return found;
}
