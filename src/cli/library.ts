// What the command line asks of the library: the only way from here to a cage. No handler sees anything else of src.
import type { Environment } from '../platform/environment.ts';
import type { DiffFile, PieceWriter } from './library-change.ts';
import type { EvidenceLibrary } from './evidence-library.ts';
import type { FleetLibrary } from './fleet-library.ts';
import type { KeptLibrary, Snapshot } from './kept-library.ts';
import type { MessageLibrary } from './message-library.ts';
import type { DecidedFile, ReviewLibrary } from './review-library.ts';
import type { RunLibrary } from './run-library.ts';
import type { HostExecutableChoice, WorkLibrary } from './work-library.ts';
import type { AgentLibrary } from './agent-library.ts';
import type { Context } from './library-context.ts';

export type { DiffFile } from './library-change.ts';
export type { Context } from './library-context.ts';

export interface CageOptions {
  name?: string;
  backend?: string;
  preset?: string;
  workspace?: string;
  net?: string;
  allow: string[];
  policies?: string[];
  routes: string[];
  secrets: string[];
  auth?: string;
  env: string[];
  envFiles: string[];
  mounts: string[];
  dirs?: string[];
  ports?: string[];
  branch?: string;
  depth?: string;
  includeIgnored?: boolean;
  memory?: string;
  cpus?: string;
  pids?: string;
  budget?: { cost?: string; tokens?: string; time?: string; bytes?: string };
  image?: string;
  dockerfile?: string;
  packages?: string[];
  toolchains?: string[];
  profile?: string;
  caches?: string[];
  runtime?: string;
  sudo?: boolean;
  agent?: string;
}

export interface CageInfo {
  name: string;
  status: 'running' | 'stopped' | 'broken';
  backend: string;
  workspace: string;
  net: string;
  project: string;
  createdAt: string;
  unexported: boolean;
}

export interface RuleView {
  id: string;
  effect: 'allow' | 'deny';
  origin: string;
  reason?: string | undefined;
  text: string;
  expired?: true;
}

export interface LimitView {
  value: string | number | undefined;
  enforcedBy: 'cgroup' | 'rlimit' | 'none' | undefined;
}

export interface PortView {
  address: string;
  port: number;
  cagePort: number;
  open: boolean;
}

export interface PortsView {
  cage: string;
  running: boolean;
  ports: readonly PortView[];
}

export interface CageView extends CageInfo {
  runtime?: string | undefined;
  source: { url: string; branch?: string | undefined } | undefined;
  startIn: string | undefined;
  preset: string;
  agent: string | undefined;
  profile: string | undefined;
  caches: readonly string[];
  exposure: string;
  reach: readonly RuleView[];
  reads: readonly string[];
  writes: readonly string[];
  secrets: readonly { name: string; hosts: readonly string[]; slots: readonly unknown[] }[];
  budget: {
    costUsd?: number | undefined;
    tokens?: number | undefined;
    timeMs?: number | undefined;
    bytes?: number | undefined;
  };
  limits: { memory: LimitView; pids: LimitView; cpus: LimitView };
  routes: readonly unknown[];
  ports: readonly PortView[];
  inspectors: readonly string[];
  dirs: readonly { name: string; path: string; base: string }[];
  leftOut: readonly { path: string; reason: string; dir?: string }[];
  snapshots: readonly Snapshot[];
  base: string;
  workspaceStrategy: string;
  policyGeneration: number;
  policyHash: string;
  identity: unknown;
  problems: readonly string[];
}

export interface RunOutcome {
  cage: string;
  exitCode: number;
  change: { files: readonly DiffFile[] } | undefined;
  further: readonly { dir?: string; files: readonly DiffFile[] }[];
  refused: readonly { host: string; method: string; path: string; rule: string; remedy: string; count: number }[];
  requests: number;
  secretsUsed: readonly { name: string; host: string; count: number }[];
  kept: boolean;
  inPlace: boolean;
}

export type ApplyTarget = 'working-tree' | { branch: string; keepsCommits?: boolean };

export interface ApplyPlanView {
  files: readonly DiffFile[];
  conflicts: readonly { path: string; kind: string }[];
  stays: readonly { path: string; reason: string }[];
  hostExecutable: readonly DecidedFile[];
  inPlace: boolean;
}

export interface Dir {
  name: string;
  path: string;
}

export interface LanguageTotal {
  language: string;
  files: number;
  insertions: number;
  deletions: number;
}

export interface CageDiff {
  cage: string;
  dir?: string;
  base: string;
  tree: string;
  files: readonly DiffFile[];
  skipped: readonly { path: string; reason: string }[];
}

export interface Applied {
  applied: readonly string[];
  leftOut: readonly string[];
  branch?: string | undefined;
  commit?: string | undefined;
}

export interface AuditFilter {
  decision?: readonly ('allow' | 'deny' | 'ask')[];
  protocol?: readonly ('http' | 'websocket' | 'dns' | 'tcp' | 'control')[];
  host?: readonly string[];
  method?: readonly string[];
  rule?: readonly string[];
  sinceMs?: number;
  untilMs?: number;
  follow?: boolean;
  signal?: AbortSignal;
}

interface AuditCounts {
  allow: number;
  deny: number;
  ask: number;
  bytesOut: number;
  bytesIn: number;
}

export interface AuditSummary {
  total: number;
  decisions: { allow: number; deny: number; ask: number };
  bytesOut: number;
  bytesIn: number;
  hosts: readonly ({ host: string; secrets: readonly string[] } & AuditCounts)[];
  rules: readonly ({ rule: string } & AuditCounts)[];
  secrets: readonly { secret: string; requests: number; hosts: readonly string[] }[];
}

export interface AuditRecord {
  seq: number;
  time: string;
  method: string;
  host: string;
  port: number;
  path: string;
  protocol: string;
  decision: 'allow' | 'deny' | 'ask';
  rule: string;
  bytesOut: number;
  bytesIn: number;
  secrets: readonly string[];
  /** How the exchange ended, once it has. */
  end?: { of: number; status: number; outcome: string } | undefined;
}

interface CheckedRuleFile {
  file: string;
  rules: readonly RuleView[];
  inspection: Readonly<Record<string, string | undefined>>;
  warnings: readonly string[];
}

export interface PolicyChange {
  generation: number;
  hash: string;
  confirmed: boolean;
  /** The rules the change was about. */
  rules: readonly RuleView[];
}

export interface WaitingRequest {
  id: string;
  cage: string;
  askedAt: string;
  expiresAt: string;
  method: string;
  url: string;
  hostUnicode: string | undefined;
  bodyBytes: number | undefined;
  contentType: string | undefined;
  rule: string;
  reason: string;
  waiting: number;
  process: { pid: number; argv: readonly string[]; cwd: string } | undefined;
  rules: { allow: string | undefined; wider: readonly string[]; deny: string | undefined };
}

export type ApprovalAnswer = 'once' | 'cage' | 'always' | 'deny' | 'deny-cage';
type AnswerResult = { ok: true; rule: string | undefined } | { ok: false; message: string };

export type ApprovalEvent =
  | {
      event: 'asked';
      request: WaitingRequest;
      answer: (answer: ApprovalAnswer, options?: { rule?: string }) => Promise<AnswerResult>;
    }
  | {
      event: 'closed';
      id: string;
      outcome: 'once' | 'denied' | 'timeout' | 'gone' | 'changed';
      by: string | undefined;
    };

interface LearnedPolicy {
  cage: string;
  mode: 'filtered' | 'ask' | 'learn' | 'none' | 'open';
  requests: number;
  rules: readonly { text: string; requests: number; present: readonly string[]; bundle: string | undefined }[];
  leftOut: number;
  withSecret: number;
}

interface PrunePlan {
  cage: string;
  sinceMs: number;
  prunable: readonly { text: string; ids: readonly string[]; reason: 'expired' | 'unused' }[];
  covered: boolean;
}

export interface Verification {
  cage: string;
  ok: boolean;
  probes: readonly { id: string; group: string; ok: boolean; expected: string; observed: string }[];
}

interface ImageRequest {
  tiers: readonly string[];
  engine?: 'docker' | 'podman';
  base?: string;
  packages: readonly string[];
  toolchains: readonly string[];
  agents: readonly string[];
  buildArguments: readonly string[];
  force: boolean;
  pull: boolean;
}

interface BuiltImages {
  engine: 'docker' | 'podman';
  images: readonly {
    tier: 'base' | 'toolchain' | 'agent' | 'custom';
    image: string;
    id: string;
    inputs: string;
    parent: string | undefined;
    built: boolean;
    seconds: number;
  }[];
}

interface UpgradeStep {
  before: string;
  after: string | undefined;
}

export interface UpgradeOutcome {
  cage: string;
  dryRun: boolean;
  changed: boolean;
  image: UpgradeStep | undefined;
  agent: (UpgradeStep & { name: string; where: 'image' | 'installed' | 'host' }) | undefined;
}

export interface Library
  extends
    AgentLibrary,
    EvidenceLibrary,
    FleetLibrary,
    KeptLibrary,
    MessageLibrary,
    ReviewLibrary,
    RunLibrary<CageOptions>,
    WorkLibrary {
  openContext(options: {
    home?: string;
    environment: Environment;
    cwd?: string;
    progress?: (line: string) => void;
  }): Context;
  createCage(context: Context, source: string | undefined, options: CageOptions): Promise<CageView>;
  planCage(context: Context, source: string | undefined, options: CageOptions): Promise<object>;
  startCage(context: Context, name: string): Promise<void>;
  stopCage(context: Context, name: string): Promise<void>;
  restartCage(context: Context, name: string): Promise<void>;
  upgradeCage(
    context: Context,
    name: string,
    options: { dryRun: boolean; offline: boolean; pull: boolean; to: string | undefined },
  ): Promise<UpgradeOutcome>;
  removeCage(context: Context, name: string, options: { discard: boolean }): Promise<void>;
  listCages(context: Context): Promise<readonly CageInfo[]>;
  showCage(context: Context, name: string): Promise<CageView>;
  cageExists(context: Context, name: string): boolean;
  resolveCageName(context: Context, name: string | undefined, cwd: string): Promise<string>;
  showPorts(context: Context, name: string): Promise<PortsView>;
  publishPorts(context: Context, name: string, ports: readonly string[]): Promise<PortsView>;
  unpublishPorts(context: Context, name: string, ports: readonly string[]): Promise<PortsView>;
  execInCage(
    context: Context,
    name: string,
    request: { argv: string[]; cwd?: string; env?: Record<string, string> },
    stdio: 'inherit' | 'terminal',
  ): Promise<{ exitCode: number }>;
  shellArgv(): readonly string[];
  runAgent(
    context: Context,
    request: {
      agent: string;
      directory?: string;
      args: string[];
      options: CageOptions & { fresh: boolean; remove: boolean; terminal: boolean };
    },
  ): Promise<RunOutcome>;
  diffCage(context: Context, name: string, dir?: string): Promise<CageDiff>;
  languageTotals(files: readonly DiffFile[]): Promise<readonly LanguageTotal[]>;
  diffCageText(context: Context, change: CageDiff, style: 'stat' | 'full', write: PieceWriter): Promise<void>;
  planApplyCage(context: Context, name: string, dir?: string, target?: ApplyTarget): Promise<ApplyPlanView>;
  applyCage(
    context: Context,
    name: string,
    options: {
      dir?: string;
      target: ApplyTarget;
      hostExecutable: 'accept' | 'leave-out' | 'refuse';
      shown?: readonly { path: string; content: string }[];
    },
  ): Promise<Applied>;
  applyDecided(
    context: Context,
    name: string,
    request: { dir: string; target: ApplyTarget },
    decide: (plan: ApplyPlanView) => HostExecutableChoice | undefined,
  ): Promise<{ plan: ApplyPlanView; outcome: Applied | undefined }>;
  listDirs(context: Context, name: string): Promise<readonly Dir[]>;
  addDir(
    context: Context,
    name: string,
    path: string,
    options: { name?: string | undefined },
  ): Promise<{ cage: string; dirs: readonly Dir[] }>;
  removeDir(
    context: Context,
    name: string,
    dir: string,
    options: { discard: boolean },
  ): Promise<{ cage: string; dirs: readonly Dir[] }>;
  auditCage(context: Context, name: string, filter: AuditFilter): AsyncIterable<AuditRecord>;
  auditSummary(context: Context, name: string, filter: AuditFilter): Promise<AuditSummary>;
  harOfCage(context: Context, name: string, query: AuditFilter & { last?: number | undefined }): AsyncIterable<string>;
  writeHar(
    context: Context,
    name: string,
    file: string,
    query: AuditFilter & { last?: number | undefined },
  ): Promise<number>;
  verifyAudit(
    context: Context,
    name: string,
  ): Promise<
    | { ok: true; records: number; firstSeq: number; head: string }
    | { ok: false; file: string; line: number; seq: number; reason: string }
  >;
  policyShow(
    context: Context,
    name: string,
  ): Promise<{
    mode: string;
    inspection: { secretShapes: string; payloadShape: string };
    inspectors: readonly string[];
    generation: number;
    hash: string;
    confirmed: boolean;
    rules: readonly RuleView[];
  }>;
  policyAllow(context: Context, name: string, rules: string[]): Promise<PolicyChange>;
  policyDeny(context: Context, name: string, rules: string[]): Promise<PolicyChange>;
  policyAddFile(context: Context, name: string, file: string): Promise<PolicyChange>;
  policyCheck(context: Context, files: string[]): Promise<readonly CheckedRuleFile[]>;
  policyRemove(context: Context, name: string, rule: string): Promise<PolicyChange>;
  policyTest(
    context: Context,
    name: string,
    method: string,
    url: string,
    body: { type?: string | undefined; size?: string | undefined },
  ): Promise<{
    decision: 'allow' | 'deny' | 'ask';
    rule: string;
    reason: string;
    remedy: string;
    inspectors: readonly { name: string; action: string; reason: string }[];
    method: string;
    url: string;
    considered: readonly { rule: string; text: string; effect: 'allow' | 'deny'; outcome: string }[];
  }>;
  policyLearn(context: Context, name: string, query: { sinceMs?: number; wide?: boolean }): Promise<LearnedPolicy>;
  applyLearned(context: Context, name: string, learned: LearnedPolicy): Promise<PolicyChange>;
  planPrune(context: Context, name: string, sinceMs: number): Promise<PrunePlan>;
  prunePolicy(context: Context, name: string, plan: PrunePlan): Promise<PolicyChange>;
  waitingRequests(context: Context, name: string): Promise<readonly WaitingRequest[]>;
  approvals(context: Context, name: string, signal: AbortSignal): AsyncIterable<ApprovalEvent>;
  answerRequest(
    context: Context,
    name: string,
    id: string,
    answer: ApprovalAnswer,
    options: { rule?: string },
  ): Promise<AnswerResult>;
  secretSet(
    context: Context,
    secret: { name: string; value: string; cage?: string; hosts?: string[]; header?: string },
  ): Promise<readonly string[]>;
  secretList(
    context: Context,
    cage?: string,
  ): Promise<readonly { name: string; hosts: readonly string[]; slots: readonly unknown[]; createdAt: string }[]>;
  secretRemove(context: Context, name: string, cage?: string): Promise<void>;
  verifyCage(context: Context, name: string, options: { attack: boolean }): Promise<Verification>;
  doctor(
    context: Context,
    options: { fix: boolean },
  ): Promise<{
    ok: boolean;
    checks: readonly { id: string; status: 'ok' | 'warn' | 'fail'; what: string; hint: string }[];
    repaired: readonly string[];
  }>;
  listHomeProfiles(
    context: Context,
  ): Promise<readonly { name: string; createdAt: string; cages: readonly string[]; path: string }[]>;
  removeHomeProfile(context: Context, name: string): Promise<void>;
  buildImages(context: Context, request: ImageRequest): Promise<BuiltImages>;
}
