// A whole command line in process: streams that are read as text, and a library that records what it is asked.
// It starts nothing and touches no file.
import { PassThrough } from 'node:stream';
import { dispatch } from '../../src/cli/dispatch.ts';
import type { Fleet } from '../../src/cli/fleet-library.ts';
import type { Host, InputStream } from '../../src/cli/host.ts';
import type {
  AuditRecord,
  AuditSummary,
  CageView,
  Context,
  Dir,
  DiffFile,
  Library,
  WaitingRequest,
} from '../../src/cli/library.ts';
import type { RunEvent, RunInfo } from '../../src/cli/run-library.ts';
import type { CageReview, ReviewedFile } from '../../src/cli/review-library.ts';
import type { Message } from '../../src/cli/message-library.ts';
import type { ExportView } from '../../src/cli/work-library.ts';
import type { RestorePlan, Snapshot, TrashedCage } from '../../src/cli/kept-library.ts';
import type { OutputStream } from '../../src/cli/output.ts';

/** What the library was asked: the function's name and its arguments without the context. */
export type Call = readonly [name: string, ...args: unknown[]];

export interface CliRun {
  exitCode: number;
  stdout: string;
  stderr: string;
  calls: Call[];
}

export interface CliOptions {
  library?: Partial<Library>;
  /** Text on stdin; a terminal when `terminal` is set. */
  stdin?: string;
  terminal?: boolean;
  /** What a person types, a line at each question that ends with `[q]uit:`. */
  lines?: readonly string[];
  /** stdout is a terminal. */
  colorTerminal?: boolean;
  environment?: Record<string, string>;
}

const NOW_MS = Date.parse('2026-11-21T12:00:00.000Z');

export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const calls: Call[] = [];
  const stdin: InputStream = Object.assign(new PassThrough(), {
    isTTY: options.terminal === true,
    setRawMode: (mode: boolean) => calls.push(['setRawMode', mode]),
  });
  if (options.stdin !== undefined) stdin.unshift(Buffer.from(options.stdin));
  if (options.terminal !== true && stdin instanceof PassThrough) stdin.end();
  const stdout = createSink(options.colorTerminal === true);
  const stderr = createSink(options.colorTerminal === true);
  const lines = [...(options.lines ?? [])];
  stderr.stream.on('data', (chunk: Buffer) => {
    if (!chunk.toString().endsWith('[q]uit: ')) return;
    const line = lines.shift();
    setImmediate(() => (line === undefined ? stdin.emit('end') : stdin.emit('data', Buffer.from(`${line}\n`))));
  });
  const host: Host = {
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    cwd: '/work/shop',
    environment: options.environment ?? {},
    loadLibrary: async () => fakeLibrary(calls, options.library),
  };
  const exitCode = await dispatch(argv, host);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text(), calls };
}

function createSink(isTTY: boolean): { stream: OutputStream; text: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const text = (): string => {
    for (let chunk: unknown = stream.read(); chunk instanceof Buffer; chunk = stream.read()) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  };
  return { stream, text };
}

const SNAPSHOT: Snapshot = {
  ...{ cage: 'shop-1', name: 'first', createdAt: '2026-11-21T12:00:00.000Z', bytes: 1_234_567, automatic: false },
  ...{
    leftOut: [{ path: 'the home: .pipe', reason: 'it is a pipe, socket or device' }],
    notPart: ['/srv: it is mounted'],
  },
};

export const FILE: DiffFile = {
  path: 'src/a.ts',
  change: 'modified',
  insertions: 3,
  deletions: 1,
  binary: false,
  hostExecutable: false,
};

export const REVIEW: CageReview = {
  cage: 'shop-1',
  base: 'abc',
  inPlace: false,
  files: [
    reviewed('.envrc', { class: 'shell-environment', rank: 'critical', trigger: 'direnv', when: 'on cd' }),
    reviewed('Makefile', { class: 'build-file', rank: 'high', trigger: 'make', when: 'on make' }),
  ],
  ordinary: 1,
  undecided: 2,
  skipped: [],
};

function reviewed(
  path: string,
  finding: Pick<ReviewedFile['findings'][number], 'class' | 'rank' | 'trigger' | 'when'>,
): ReviewedFile {
  const lines = [{ line: 3, text: `of ${path}` }];
  return {
    ...{ path, change: 'added', rank: finding.rank, content: `100644 ${path}`, decision: 'undecided' },
    findings: [{ ...finding, details: [], lines, moreLines: 2, decision: 'undecided' }],
  };
}

export const EXPORT: ExportView = {
  ...{ target: '/work/shop', files: [FILE], unchanged: 0, hostExecutable: [], conflicts: [], wouldDelete: [] },
  ...{ protectedFiles: [], skipped: [], inPlace: false },
};

export const PATCH = {
  ...{ file: '0001-Fix.patch', contents: Buffer.from('From abc\n\u001b[2J\n'), subject: 'Fix', author: 'agent' },
  commit: 'abc',
};

export const VIEW: CageView = {
  name: 'shop-1',
  status: 'running',
  backend: 'native',
  workspace: 'copy',
  net: 'filtered',
  project: '/work/shop',
  createdAt: '2026-11-21T11:00:00.000Z',
  unexported: true,
  preset: 'safe',
  agent: 'claude',
  source: undefined,
  startIn: undefined,
  profile: undefined,
  caches: [],
  exposure: 'reaches 1 host',
  reach: [{ id: 'allow:a.example', effect: 'allow', origin: 'user', text: 'a.example' }],
  reads: ['/usr'],
  writes: ['/work/shop (a copy)'],
  secrets: [{ name: 'TOKEN', hosts: ['a.example'], slots: [] }],
  budget: {},
  limits: {
    memory: { value: '4 GiB', enforcedBy: 'rlimit' },
    pids: { value: 4096, enforcedBy: 'cgroup' },
    cpus: { value: undefined, enforcedBy: 'none' },
  },
  routes: [],
  ports: [{ address: '127.0.0.1', port: 8080, cagePort: 3000, open: true }],
  inspectors: ['no-friday-pushes'],
  dirs: [],
  leftOut: [{ path: '.env', reason: 'looks like a secret' }],
  snapshots: [],
  base: 'abc',
  workspaceStrategy: 'overlay',
  policyGeneration: 3,
  policyHash: 'ff',
  identity: { uid: 1000 },
  problems: [],
};

const DIRS: readonly Dir[] = [
  { name: '', path: '/work/shop' },
  { name: 'lib', path: '/work/lib' },
];

const SUMMARY_COUNTS = { allow: 1, deny: 1, ask: 0, bytesOut: 3, bytesIn: 5 };
const SUMMARY: AuditSummary = {
  total: 2,
  decisions: { allow: 1, deny: 1, ask: 0 },
  ...{ bytesOut: 3, bytesIn: 5 },
  hosts: [{ host: 'a.example', ...SUMMARY_COUNTS, secrets: ['KEY'] }],
  rules: [{ rule: 'allow:a.example', ...SUMMARY_COUNTS }],
  secrets: [{ secret: 'KEY', requests: 1, hosts: ['a.example'] }],
};

export const RECORD: AuditRecord = {
  seq: 1,
  time: '2026-11-21T11:00:00.000Z',
  protocol: 'http',
  method: 'GET',
  host: 'a.example',
  port: 443,
  path: '/x',
  decision: 'allow',
  rule: 'allow:a.example',
  bytesOut: 1,
  bytesIn: 2,
  secrets: [],
};

export const QUESTION: Message = {
  ...{ seq: 12, id: 'm-1', from: 'cage', type: 'question', time: '2026-11-21T12:00:00.000Z', untrusted: true },
  payload: { text: 'Which\u001b[2J one?\n#13 12:00:01 task_complete', options: ['a', 'b'] },
};

export const RUN: RunInfo = {
  ...{ id: 'r-20261121-a1b2c3', cage: 'shop-1', agent: 'claude', model: 'fable', status: 'done', exitCode: 0 },
  ...{ reason: null, startedAt: '2026-11-21T12:00:00.000Z', endedAt: '2026-11-21T12:01:05.000Z', sessionId: 's-1' },
  ...{ resumes: null, costUsd: 0.0402, inputTokens: 1200, outputTokens: 34, bytesOut: 4096, notes: [] },
};

export const WAITING: WaitingRequest = {
  id: '0123456789ab',
  cage: 'shop-1',
  askedAt: '2026-11-21T12:00:00.000Z',
  expiresAt: '2026-11-21T12:02:00.000Z',
  method: 'POST',
  url: 'https://xn--bcher-kva.example/v1?q=1',
  hostUnicode: 'bücher.example',
  bodyBytes: 12,
  contentType: 'application/json',
  rule: '<ask>',
  reason: 'no rule allows this request',
  waiting: 2,
  process: { pid: 7, argv: ['curl', '-d', '@x'], cwd: '/work' },
  rules: { allow: 'POST xn--bcher-kva.example/v1 max-query=32', wider: ['POST xn--bcher-kva.example'], deny: 'POST x' },
};

const TRASHED: TrashedCage = {
  ...{ id: 'shop.20261120T110000000Z', name: 'shop', removedAt: '2026-11-20T11:00:00.000Z' },
  ...{ checked: true, expired: false },
};

const RESTORE_PLAN: RestorePlan = {
  ...{ cage: 'shop', from: 'shop', createdAt: '2026-11-20T11:00:00.000Z', project: '/work/shop', projectIsThere: true },
  ...{
    entries: 3,
    bytes: 4096,
    fileBytes: 2048,
    exposure: 'reaches nothing',
    asksFor: ['reads /srv/data of this machine'],
  },
  ...{ leftOut: [], hasSecrets: false, seal: 'ab' },
};

const FLEET: Fleet = {
  ...{ id: 'f-1a2b3c', name: 'f', file: '/work/f.toml', createdAt: '2026-11-20T11:00:00.000Z', endedAt: undefined },
  ...{ jobs: 2, results: '/data/fleets/f-1a2b3c/results' },
  tasks: [
    { name: 'lint', agent: 'claude', state: { status: 'failed', attempt: 2, checks: [], reason: 'check: x gave 1' } },
  ],
};

const PORTS = { cage: 'shop-1', running: true, ports: VIEW.ports };

const CHANGED = { generation: 4, hash: 'aa', confirmed: true, rules: VIEW.reach };

export function fakeLibrary(calls: Call[], overrides: Partial<Library> = {}): Library {
  const asked = (name: string, ...args: unknown[]): void => void calls.push([name, ...args]);
  const library: Library = {
    openContext: ({ home, progress, environment }): Context => {
      if (home !== undefined) asked('openContext', home);
      return {
        dataRoot: home ?? '/data',
        configFile: '/config.toml',
        environment,
        clock: { now: () => NOW_MS },
        progress: progress ?? (() => undefined),
      };
    },
    createCage: async (_context, source, options) => {
      asked('createCage', source, options);
      return { ...VIEW, name: options.name ?? VIEW.name };
    },
    planCage: async (_context, source, options) => {
      asked('planCage', source, options);
      return { name: 'shop-1', steps: ['copy the project', 'start the egress'] };
    },
    startCage: async (_context, name) => asked('startCage', name),
    stopCage: async (_context, name) => asked('stopCage', name),
    restartCage: async (_context, name) => asked('restartCage', name),
    removeCage: async (_context, name, options) => asked('removeCage', name, options),
    backupCage: async (_context, name, request) => {
      asked('backupCage', name, request);
      const leftOut = [{ path: 'home: s', reason: 'it is a pipe, socket or device' }];
      return { cage: name, file: '/b.tar.gz', bytes: 2048, entries: 3, unpackedBytes: 4096, secrets: [], leftOut };
    },
    planRestore: async (_context, file, target) => {
      asked('planRestore', file, target);
      return RESTORE_PLAN;
    },
    restoreBackup: async (_context, file, request) => {
      asked('restoreBackup', file, request);
      return { cage: request.name ?? 'shop', project: '/work/shop', projectIsThere: true };
    },
    listTrash: async () => [TRASHED],
    restoreTrashed: async (_context, wanted, options) => {
      asked('restoreTrashed', wanted, options);
      return { cage: options.name ?? 'shop', project: '/work/shop', projectIsThere: true };
    },
    findLeftovers: async (_context, query) => {
      asked('findLeftovers', query);
      return [];
    },
    removeLeftovers: async (_context, leftovers, options) => {
      asked('removeLeftovers', leftovers.length, options);
      return { removed: leftovers, kept: [], failed: [] };
    },
    listCages: async () => [VIEW],
    showCage: async () => VIEW,
    cageExists: (_context, name) => name === 'shop-1',
    resolveCageName: async (_context, name) => name ?? 'shop-1',
    showPorts: async (_context, name) => {
      asked('showPorts', name);
      return PORTS;
    },
    publishPorts: async (_context, name, ports) => {
      asked('publishPorts', name, ports);
      return PORTS;
    },
    unpublishPorts: async (_context, name, ports) => {
      asked('unpublishPorts', name, ports);
      return { ...PORTS, ports: [] };
    },
    execInCage: async (_context, name, request, stdio) => {
      asked('execInCage', name, request, stdio);
      return { exitCode: 7 };
    },
    shellArgv: () => ['/bin/bash', '-l'],
    runAgent: async (_context, request) => {
      asked('runAgent', request);
      return {
        cage: 'shop-1',
        exitCode: 3,
        change: { files: [FILE] },
        further: [],
        refused: [
          {
            host: 'evil.example',
            method: 'POST',
            path: '/up',
            rule: '<default-deny>',
            remedy: 'ironcage policy allow X',
            count: 2,
          },
        ],
        requests: 9,
        secretsUsed: [{ name: 'TOKEN', host: 'a.example', count: 7 }],
        kept: true,
        inPlace: false,
      };
    },
    listDirs: async () => DIRS,
    addDir: async (_context, name, path, options) => {
      asked('addDir', name, path, options);
      return { cage: name, dirs: DIRS.slice(1) };
    },
    removeDir: async (_context, name, dir, options) => {
      asked('removeDir', name, dir, options);
      return { cage: name, dirs: [] };
    },
    takeSnapshot: async (_context, cage, options) => {
      asked('takeSnapshot', cage, options);
      return { ...SNAPSHOT, cage };
    },
    listSnapshots: async () => [SNAPSHOT, { ...SNAPSHOT, name: 'before-rewind-1', automatic: true }],
    collectEvidence: async function* (_context, request) {
      asked('collectEvidence', request);
      yield { kind: 'prompt', run: 'r-20261130-a1b2c3', timeMs: NOW_MS, data: { text: 'do it' } };
    },
    evidenceLines: async function* (_context, request) {
      asked('evidenceLines', request);
      yield '{"seq":1}\n';
    },
    writeEvidence: async (_context, request, file) => {
      asked('writeEvidence', request, file);
      return { records: 3, head: 'ab' };
    },
    verifyEvidence: async (file) => {
      asked('verifyEvidence', file);
      return { ok: false, line: 2, reason: 'it was changed' };
    },
    checkEvidence: async (_context, request) => {
      asked('checkEvidence', request);
      return { ok: true, records: 3, auditRecords: 1, cage: 'shop-1', runs: [], head: 'ab' };
    },
    exportTraces: async (_context, request) => {
      asked('exportTraces', request);
      return { spans: 2, endpoint: 'http://127.0.0.1:4318/v1/traces' };
    },
    writeText: async (_context, file) => asked('writeText', file),
    runFleet: async (_context, file, { jobs, fresh }) => {
      asked('runFleet', file, jobs, fresh);
      return FLEET;
    },
    showFleets: async () => [FLEET],
    showFleet: async (_context, id) => {
      asked('showFleet', id);
      return FLEET;
    },
    stopFleet: async (_context, id) => {
      asked('stopFleet', id);
      return FLEET;
    },
    removeFleet: async (_context, id, options) => {
      asked('removeFleet', id, options);
      return { removed: ['f-1a2b3c-lint'] };
    },
    compareCages: async (_context, names, options) => {
      asked('compareCages', names, options);
      return { cages: [], files: [] };
    },
    differenceOfCages: async (_context, first, second) => asked('differenceOfCages', first, second),
    removeSnapshot: async (_context, cage, snapshot, options) => asked('removeSnapshot', cage, snapshot, options),
    rewindCage: async (_context, cage, snapshot) => {
      asked('rewindCage', cage, snapshot);
      return {
        cage,
        snapshot,
        before: 'before-rewind-1',
        putAside: [],
        rewound: ['the home'],
        kept: ['the directory lib'],
      };
    },
    forkCage: async (_context, from, cage, options) => {
      asked('forkCage', from, cage, options);
      const told = { unpublished: ['127.0.0.1:3000'], withoutValue: ['KEY'], formerRules: ['old.example'] };
      return { cage, from, snapshot: options.from, leftOut: [], notPart: [], ...told };
    },
    diffCage: async (_context, name, dir = '') => ({
      ...{ cage: name, ...(dir === '' ? {} : { dir }) },
      ...{ base: 'abc', tree: 'def', files: [FILE], skipped: [] },
    }),
    languageTotals: async (files) => [{ language: 'TypeScript', files: files.length, insertions: 3, deletions: 1 }],
    diffCageText: async (_context, _change, style, write) => {
      await write(Buffer.from(`text of ${style}\n`));
    },
    reviewCage: async (_context, name, dir = '') => ({ ...REVIEW, cage: name, ...(dir === '' ? {} : { dir }) }),
    decideReview: async (_context, name, request, dirs = ['']) => {
      asked('decideReview', name, request, dirs);
      return dirs.map(() => ({ ...REVIEW, cage: name, undecided: 0 }));
    },
    reviewFileText: async (_context, _name, { path }, write) => {
      await write(Buffer.from(`patch of ${path}\n`));
    },
    planApplyCage: async () => ({ files: [FILE], conflicts: [], stays: [], hostExecutable: [], inPlace: false }),
    applyCage: async (_context, name, options) => {
      asked('applyCage', name, options);
      return { applied: ['src/a.ts'], leftOut: [] };
    },
    applyDecided: async (context, name, { dir, target }, decide) => {
      const { planApplyCage, applyCage } = { ...library, ...overrides };
      const plan = await planApplyCage(context, name, dir, target);
      const choice = decide(plan);
      const of = dir === '' ? {} : { dir };
      return { plan, outcome: choice && (await applyCage(context, name, { ...of, target, ...choice })) };
    },
    planExportCage: async () => EXPORT,
    exportCage: async (_context, name, request) => {
      asked('exportCage', name, request);
      return { target: '/work/shop', exported: ['src/a.ts'], leftOut: [], inPlace: false };
    },
    exportDecided: async (context, name, query, decide) => {
      const { planExportCage, exportCage } = { ...library, ...overrides };
      const plan = await planExportCage(context, name, query);
      const choice = decide(plan);
      return { plan, outcome: choice && (await exportCage(context, name, { ...query, ...choice })) };
    },
    patchesOfCage: async (_context, name) => ({ cage: name, patches: [PATCH], skipped: [] }),
    writePatches: async (_context, view, output) => {
      asked('writePatches', view.cage, output);
      return output ?? '/work/shop/.ironcage-patches/shop-1';
    },
    syncCage: async (_context, name, request) => {
      asked('syncCage', name, request);
      return { files: [FILE], conflicts: [], overwritten: [], leftOut: [], inPlace: false };
    },
    readMessages: async function* (_context, cage, options) {
      asked('readMessages', cage, options);
      yield QUESTION;
    },
    pollMessages: async function* (_context, cage, { signal: _signal, ...options }) {
      asked('pollMessages', cage, options);
      yield { event: 'message', message: QUESTION };
    },
    outcomeOf: async ({ type }) => (type === 'question' ? 11 : undefined),
    acknowledge: async (_context, cage, seq, options) => asked('acknowledge', cage, seq, options),
    forgetMessages: async () => 3,
    sendMessage: async (_context, cage, type, payload, options) => {
      asked('sendMessage', cage, type, payload, options);
      return { ...QUESTION, id: 'h-1', from: 'user', type, payload, untrusted: false };
    },
    payloadOfText: async (_type, text) => ({ text }),
    launchRun: async (_context, request) => {
      asked('launchRun', request);
      return { ...RUN, status: 'running', exitCode: null, endedAt: null };
    },
    listRuns: async (_context, cage) => {
      asked('listRuns', cage);
      return [RUN];
    },
    findRun: async () => RUN,
    diagnoseCage: async (_context, cage) => ({
      ...{
        cage,
        verdict: 'done',
        suggestion: 'look',
        state: 'stopped',
        run: RUN,
        otherRuns: 0,
        lastEvents: [],
        unread: [],
      },
      ...{ change: null, refused: [], problems: [] },
    }),
    salvageCage: async (_context, cage, directory) => {
      asked('salvageCage', cage, directory);
      return { cage, directory, taken: [{ path: 'home', what: 'its home' }], failed: [] };
    },
    stopRun: async (_context, run, options) => {
      asked('stopRun', run, options);
      return { ...RUN, status: 'stopped', exitCode: 143, reason: { code: 'user', message: 'it was stopped' } };
    },
    followRun: async function* (_context, run, { signal: _signal, ...options } = {}) {
      asked('followRun', run, options);
      const time = '2026-11-21T12:00:01.000Z';
      const events: readonly RunEvent[] = [
        { kind: 'event', time, run, event: { type: 'text', text: 'I look\u001b[2J first.' } },
        { kind: 'stderr', time, run, text: 'a warning' },
        { kind: 'end', time, run, record: RUN },
      ];
      yield* events.slice(-(options.last ?? events.length));
    },
    followBytes: async function* (_context, run, { signal: _signal, ...options } = {}) {
      asked('followBytes', run, options);
      yield Buffer.from('{"type":"text"}\n');
    },
    auditCage: async function* (_context, name, { signal: _signal, ...filter }) {
      asked('auditCage', name, filter);
      yield RECORD;
      yield { ...RECORD, seq: 2, decision: 'deny', host: 'evil.example' };
    },
    harOfCage: async function* () {
      yield '{"log":{"entries":[]}}\n';
    },
    writeHar: async (_context, name, file) => {
      asked('writeHar', name, file);
      return 3;
    },
    auditSummary: async () => SUMMARY,
    verifyAudit: async () => ({ ok: true, records: 2, firstSeq: 1, head: 'ff' }),
    policyShow: async () => ({
      mode: 'filtered',
      inspection: { secretShapes: 'flag', payloadShape: 'flag' },
      inspectors: [],
      generation: 3,
      hash: 'ff',
      confirmed: true,
      rules: VIEW.reach,
    }),
    policyAllow: async (_context, name, rules) => {
      asked('policyAllow', name, rules);
      return CHANGED;
    },
    policyDeny: async (_context, name, rules) => {
      asked('policyDeny', name, rules);
      return CHANGED;
    },
    policyRemove: async (_context, name, rule) => {
      asked('policyRemove', name, rule);
      return CHANGED;
    },
    policyTest: async (_context, name, method, url, { type, size }) => {
      asked('policyTest', name, method, url, ...[type, size].filter((text) => text !== undefined));
      const decision = url.includes('evil') ? 'deny' : 'allow';
      const considered = [{ rule: 'r', text: 'GET a.example', effect: 'allow' as const, outcome: 'host' }];
      return { decision, rule: 'r', reason: 'because', remedy: '', inspectors: [], method, url, considered };
    },
    policyAddFile: async (_context, name, file) => {
      asked('policyAddFile', name, file);
      return CHANGED;
    },
    policyCheck: async (_context, files) => {
      asked('policyCheck', ...files);
      return files.map((file) => ({
        file,
        rules: VIEW.reach,
        inspection: { secretShapes: 'block' },
        warnings: [`${file}:1:1: idle`],
      }));
    },
    policyLearn: async (_context, name, query) => {
      asked('policyLearn', name, query);
      return {
        cage: name,
        mode: 'learn',
        requests: 4,
        rules: [
          { text: 'GET a.example/v1/*', requests: 3, present: [], bundle: undefined },
          { text: 'GET registry.npmjs.org/x', requests: 1, present: ['npm:metadata'], bundle: 'npm' },
        ],
        leftOut: 3,
        withSecret: 1,
      };
    },
    applyLearned: async (_context, name, learned) => {
      asked('applyLearned', name, learned.rules.length);
      return CHANGED;
    },
    planPrune: async (_context, name) => ({
      cage: name,
      sinceMs: 0,
      prunable: [{ text: 'old.example', ids: ['allow:old.example'], reason: 'unused' }],
      covered: true,
    }),
    prunePolicy: async (_context, name, plan) => {
      asked('prunePolicy', name, plan.prunable.length);
      return CHANGED;
    },
    waitingRequests: async () => [WAITING],
    approvals: async function* (_context, name) {
      asked('approvals', name);
      yield { event: 'asked', request: WAITING, answer: async () => ({ ok: true, rule: undefined }) };
      yield { event: 'closed', id: WAITING.id, outcome: 'once', by: 'ann' };
    },
    answerRequest: async (_context, name, id, answer, options) => {
      asked('answerRequest', name, id, answer, options);
      return id === WAITING.id ? { ok: true, rule: undefined } : { ok: false, message: 'no request of that id waits' };
    },
    secretSet: async (_context, secret) => {
      asked('secretSet', secret);
      return [];
    },
    secretList: async (_context, cage) => {
      asked('secretList', cage);
      return [{ name: 'TOKEN', hosts: ['a.example'], slots: [], createdAt: '2026-11-21T11:00:00.000Z' }];
    },
    secretRemove: async (_context, name, cage) => asked('secretRemove', name, cage),
    verifyCage: async (_context, name, options) => {
      asked('verifyCage', name, options);
      return { cage: name, ok: true, probes: [{ id: 'p', group: 'net', ok: true, expected: 'x', observed: 'x' }] };
    },
    doctor: async (_context, options) => {
      asked('doctor', options);
      return { ok: true, checks: [{ id: 'bwrap', status: 'ok', what: 'is there', hint: '' }], repaired: [] };
    },
    buildImages: async (_context, request) => {
      asked('buildImages', request);
      const inputs = 'ab'.repeat(32);
      const base = {
        tier: 'base',
        image: 'localhost/ironcage:base-abababababab',
        id: 'cd'.repeat(32),
        inputs,
      } as const;
      const agent = { ...base, tier: 'agent', image: 'localhost/ironcage:agent-claude-2.1.0-abababababab' } as const;
      return {
        engine: 'docker',
        images: [
          { ...base, parent: 'debian:bookworm-slim', built: false, seconds: 0.1 },
          { ...agent, parent: base.image, built: true, seconds: 12.3 },
        ],
      };
    },
    upgradeCage: async (_context, name, options) => {
      asked('upgradeCage', name, options);
      const image = {
        before: 'localhost/ironcage:agent-claude-2.1.0-ab',
        after: 'localhost/ironcage:agent-claude-2.2.0-cd',
      };
      const agent = { name: 'claude', where: 'image', before: '2.1.0', after: '2.2.0' } as const;
      return { cage: name, dryRun: options.dryRun, changed: true, image, agent };
    },
    listHomeProfiles: async () => [
      { name: 'work', createdAt: '2026-11-21T11:00:00.000Z', cages: ['shop-1'], path: '/data/profiles/work/home' },
    ],
    removeHomeProfile: async (_context, name) => asked('removeHomeProfile', name),
    listAgents: async () => [
      { name: 'claude', title: 'Claude Code', hosts: ['api.anthropic.com'], secrets: ['ANTHROPIC_API_KEY'] },
    ],
    createAgent: async (_context, name, from) => {
      asked('createAgent', name, from);
      return `/config/agents/${name}.toml`;
    },
    checkAgent: async () => undefined,
    exportAgent: async () => 'program = "claude"\n',
    removeAgent: async (_context, name) => asked('removeAgent', name),
    editAgent: async (_context, name) => asked('editAgent', name),
  };
  return { ...library, ...overrides };
}
