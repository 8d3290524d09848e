// The library. The command line is written with it, and so is everything else that is not inside: what is not exported
// here is nobody's but ours. A function's own code is loaded when it is first called, so that a short command starts fast.
import type { AuditRecord } from './audit/record.ts';
import type { Message } from './bus/message.ts';
import type { PollEvent, ReadOptions } from './bus/messages.ts';
import type { ApprovalEvent } from './cage/approve.ts';
import type { AuditQuery } from './cage/audit.ts';
import type { HarQuery } from './cage/har.ts';
import type { EvidenceRequest } from './evidence/collect.ts';
import type { TimedEntry } from './evidence/entry.ts';
import type { Context } from './cage/context.ts';
import { lazily } from './platform/lazily.ts';
import type { FollowOptions, FollowRunOptions, RunEvent } from './runs/follow-run.ts';
import type { PollCageOptions } from './runs/poll-cage.ts';

export { openContext, type Context, type ContextOptions } from './cage/context.ts';
export type { CageOptions } from './cage/options.ts';
export type { CageInfo } from './cage/list-cages.ts';
export type { CageView } from './cage/view.ts';
export type { DirsView } from './cage/dirs.ts';
export type { ForkOutcome } from './cage/fork.ts';
export type { RewindOutcome } from './cage/rewind.ts';
export type { SnapshotInfo } from './cage/snapshot-list.ts';
export type { PortsView, PortView } from './cage/ports.ts';
export type { Attachment, ExecRequest } from './cage/enter.ts';
export type { RunOutcome, RunRequest } from './cage/run.ts';
export type { ExportOutcome, ExportQuery, ExportView } from './cage/export-cage.ts';
export type { PatchesView } from './cage/patch-cage.ts';
export type { GuardRequest } from './cage/host-guard.ts';
export type { SyncOutcome, SyncRequest } from './cage/sync-cage.ts';
export type { ApplyOutcome, ApplyView } from './cage/apply-cage.ts';
export type { CageDiff } from './cage/work.ts';
export type { CageReview, ReviewedFile, ReviewRequest, ReviewSelector, ShownFinding } from './cage/review.ts';
export type { AnswerResult, ApprovalAnswer, ApprovalEvent } from './cage/approve.ts';
export type { WaitingRequest } from './cage/waiting-request.ts';
export type { LearnedPolicy, LearnedRule, LearnQuery } from './cage/learn.ts';
export type { Prunable, PrunePlan } from './cage/prune.ts';
export type { AuditOutcome, AuditQuery } from './cage/audit.ts';
export type { HarQuery } from './cage/har.ts';
export type { PolicyChange, RuleView } from './cage/live-policy.ts';
export type { PolicyView } from './cage/policy-change.ts';
export type { CheckedRuleFile } from './cage/policy-check.ts';
export type { SecretInput } from './cage/secret-commands.ts';
export type { Probe } from './cage/probe.ts';
export type { Verification } from './cage/verify.ts';
export type { BuiltImages } from './cage/images.ts';
export type { ImageRequest } from './cage/image-request.ts';
export type { HomeProfileInfo } from './cage/home-profiles.ts';
export type { UpgradeOutcome } from './cage/upgrade.ts';
export type { UpgradeOptions } from './cage/upgrade-plan.ts';
export type { BackupOutcome, BackupRequest } from './cage/backup.ts';
export type { RestorePlan, RestoreRequest, RestoreTarget } from './cage/restore-backup.ts';
export type { TrashedCage } from './cage/trash.ts';
export type { RestoredCage } from './cage/restore-trashed.ts';
export type { RoomOptions } from './cage/make-room.ts';
export type { Leftover, Pruned, PruneQuery } from './cage/leftovers.ts';
export type { EvidenceCheck } from './evidence/chain.ts';
export type { EvidenceRequest } from './evidence/collect.ts';
export type { EvidenceEntry, EvidenceHead, TimedEntry } from './evidence/entry.ts';
export type { FleetInfo } from './fleet/fleet-commands.ts';
export type { CompareOptions, ComparedCage, Comparison } from './fleet/compare.ts';
export type { DoctorReport } from './cage/doctor.ts';
export type { Message } from './bus/message.ts';
export type { PollEvent, ReadOptions } from './bus/messages.ts';
export type { PollCageOptions as PollOptions } from './runs/poll-cage.ts';
export type { SendOptions } from './bus/send.ts';
export type { LaunchRequest } from './runs/launch-run.ts';
export type { FollowOptions, FollowRunOptions, RunEvent } from './runs/follow-run.ts';
export type { RunInfo } from './runs/run-view.ts';
export type { Diagnosis } from './runs/diagnose.ts';
export type { Salvaged } from './cage/salvage.ts';
export type { AgentEvent } from './agents/events.ts';
export type { AuditRecord } from './audit/record.ts';
export type { Decision, Rule } from './policy/types.ts';
export { cageExists } from './cage/store.ts';
export { shellArgv } from './agents/shell.ts';
export { IronError, toIronError, type ErrorCode } from './platform/errors.ts';
export { hostEnvironment } from './platform/environment.ts';
/** Text from inside a cage, with everything that could steer a terminal made visible; the second keeps it on one line. */
export { printable, printableLine } from './platform/text.ts';

/** Makes a cage over a project or a git URL; `launchRun` and `runAgent` do so by themselves where there is none. */
export const createCage = lazily(async () => (await import('./cage/create-commands.ts')).createCage);
export const planCage = lazily(async () => (await import('./cage/create-commands.ts')).planCage);

export const buildImages = lazily(async () => (await import('./cage/images.ts')).buildImages);

export const listHomeProfiles = lazily(async () => (await import('./cage/home-profiles.ts')).listHomeProfiles);
export const removeHomeProfile = lazily(async () => (await import('./cage/home-profiles.ts')).removeHomeProfile);

export const listAgents = lazily(async () => (await import('./cage/agent-list.ts')).listAgents);
export const createAgent = lazily(async () => (await import('./cage/agent-files.ts')).createAgent);
export const checkAgent = lazily(async () => (await import('./cage/agent-files.ts')).checkAgent);
export const exportAgent = lazily(async () => (await import('./cage/agent-files.ts')).exportAgent);
export const removeAgent = lazily(async () => (await import('./cage/agent-files.ts')).removeAgent);
export const editAgent = lazily(async () => (await import('./cage/edit-agent.ts')).editAgent);

export const startCage = lazily(async () => (await import('./cage/start-commands.ts')).startCage);
export const stopCage = lazily(async () => (await import('./cage/start-commands.ts')).stopCage);
export const upgradeCage = lazily(async () => (await import('./cage/upgrade.ts')).upgradeCage);
export const restartCage = lazily(async () => (await import('./cage/start-commands.ts')).restartCage);
/** Into the trash. Work that is nowhere else is refused to be removed unless `discard` is true. */
export const removeCage = lazily(async () => (await import('./cage/remove.ts')).removeCage);

/** A cage as one file, and back. */
export const backupCage = lazily(async () => (await import('./cage/backup.ts')).backupCage);
export const planRestore = lazily(async () => (await import('./cage/restore-backup.ts')).planRestore);
export const restoreBackup = lazily(async () => (await import('./cage/restore-backup.ts')).restoreBackup);

/** Removed cages, and the way back. */
export const listTrash = lazily(async () => (await import('./cage/trash.ts')).listTrash);
export const restoreTrashed = lazily(async () => (await import('./cage/restore-trashed.ts')).restoreTrashed);
export const findLeftovers = lazily(async () => (await import('./cage/leftovers.ts')).findLeftovers);
export const removeLeftovers = lazily(async () => (await import('./cage/leftovers.ts')).removeLeftovers);

export const listCages = lazily(async () => (await import('./cage/list-cages.ts')).listCages);
export const showCage = lazily(async () => (await import('./cage/view.ts')).showCage);
export const resolveCageName = lazily(async () => (await import('./cage/resolve-name.ts')).resolveCageName);

/** Published ports, as `[HOST:]PORT[:CAGE_PORT]`. */
export const showPorts = lazily(async () => (await import('./cage/ports.ts')).showPorts);
export const publishPorts = lazily(async () => (await import('./cage/ports.ts')).publishPorts);
export const unpublishPorts = lazily(async () => (await import('./cage/ports.ts')).unpublishPorts);

/** Further directories of a cage, each with a base and a change of its own; the project is known as ''. */
export const listDirs = lazily(async () => (await import('./cage/work.ts')).listDirs);
export const addDir = lazily(async () => (await import('./cage/dirs.ts')).addDir);
export const removeDir = lazily(async () => (await import('./cage/dirs.ts')).removeDir);

/** Checkpoints of a cage's data, the way back to one, and another cage from one. */
export const takeSnapshot = lazily(async () => (await import('./cage/snapshot.ts')).takeSnapshot);
export const listSnapshots = lazily(async () => (await import('./cage/snapshot-list.ts')).listSnapshots);
export const removeSnapshot = lazily(async () => (await import('./cage/snapshot.ts')).removeSnapshot);
export const rewindCage = lazily(async () => (await import('./cage/rewind.ts')).rewindCage);
export const forkCage = lazily(async () => (await import('./cage/fork.ts')).forkCage);

export const execInCage = lazily(async () => (await import('./cage/enter.ts')).execInCage);
export const runAgent = lazily(async () => (await import('./cage/run.ts')).runAgent);

/** What changed in a cage against its base, file by file. The cage may run meanwhile. */
export const diffCage = lazily(async () => (await import('./cage/work.ts')).diffCage);
/** The files of a change by language. */
export const languageTotals = lazily(async () => (await import('./workspace/language-totals.ts')).languageTotals);
export const diffCageText = lazily(async () => (await import('./cage/work.ts')).diffCageText);
export const reviewCage = lazily(async () => (await import('./cage/review.ts')).reviewCage);
export const decideReview = lazily(async () => (await import('./cage/review.ts')).decideReview);
/** One file of the change as a patch, with bytes from inside the cage: make it printable before it reaches a terminal. */
export const reviewFileText = lazily(async () => (await import('./cage/review.ts')).reviewFileText);
/** A long text about a cage as a file, made printable; the path is its answer. */
export const keepReport = lazily(async () => (await import('./cage/reports.ts')).keepReport);
export const planApplyCage = lazily(async () => (await import('./cage/apply-cage.ts')).planApplyCage);
/** Takes a change into the work tree or onto a branch: all of it, or nothing. */
export const applyCage = lazily(async () => (await import('./cage/apply-cage.ts')).applyCage);
/** Both in one: the plan is shown to a function, and what that decides is done. */
export const applyDecided = lazily(async () => (await import('./cage/apply-cage.ts')).applyDecided);
export const planExportCage = lazily(async () => (await import('./cage/export-cage.ts')).planExportCage);
export const exportCage = lazily(async () => (await import('./cage/export-cage.ts')).exportCage);
/** Both in one: the plan is shown to a function, and what that decides is done. */
export const exportDecided = lazily(async () => (await import('./cage/export-cage.ts')).exportDecided);
export const patchesOfCage = lazily(async () => (await import('./cage/patch-cage.ts')).patchesOfCage);
export const writePatches = lazily(async () => (await import('./cage/patch-cage.ts')).writePatches);
export const syncCage = lazily(async () => (await import('./cage/sync-cage.ts')).syncCage);

/** Decisions in order, each with its byte counts filled in once its exchange has ended. */
export async function* auditCage(context: Context, name: string, query?: AuditQuery): AsyncGenerator<AuditRecord> {
  yield* (await import('./cage/audit.ts')).auditCage(context, name, query);
}
export const auditSummary = lazily(async () => (await import('./cage/audit.ts')).auditSummary);
/** One HAR 1.2 document as text, in pieces. */
export async function* harOfCage(context: Context, name: string, query?: HarQuery): AsyncGenerator<string> {
  yield* (await import('./cage/har.ts')).harOfCage(context, name, query);
}
export const writeHar = lazily(async () => (await import('./cage/har.ts')).writeHar);
/** What happened since a moment (milliseconds since the epoch): requests, what was refused and would allow it, where secrets went. */
export const auditOutcome = lazily(async () => (await import('./cage/audit.ts')).auditOutcome);
export const verifyAudit = lazily(async () => (await import('./cage/audit.ts')).verifyAudit);

export const policyShow = lazily(async () => (await import('./cage/policy-change.ts')).policyShow);
export const policyAllow = lazily(async () => (await import('./cage/policy-change.ts')).policyAllow);
export const policyDeny = lazily(async () => (await import('./cage/policy-change.ts')).policyDeny);
export const policyRemove = lazily(async () => (await import('./cage/policy-change.ts')).policyRemove);
export const policyAddFile = lazily(async () => (await import('./cage/policy-change.ts')).policyAddFile);
export const policyCheck = lazily(async () => (await import('./cage/policy-check.ts')).policyCheck);
export const policyTest = lazily(async () => (await import('./cage/policy-change.ts')).policyTest);

export const policyLearn = lazily(async () => (await import('./cage/learn.ts')).policyLearn);
export const applyLearned = lazily(async () => (await import('./cage/learn.ts')).applyLearned);
export const planPrune = lazily(async () => (await import('./cage/prune.ts')).planPrune);
export const prunePolicy = lazily(async () => (await import('./cage/prune.ts')).prunePolicy);

export const waitingRequests = lazily(async () => (await import('./cage/approve.ts')).waitingRequests);
/** What waits for an answer and then each new request, until the cage stops or `signal` aborts. */
export async function* approvals(
  context: Context,
  name: string,
  signal?: AbortSignal,
): AsyncGenerator<ApprovalEvent, void, undefined> {
  yield* (await import('./cage/approve.ts')).approvals(context, name, signal);
}
/** One request by its id; events of `approvals` bring the same as a function of theirs. */
export const answerRequest = lazily(async () => (await import('./cage/approve.ts')).answerRequest);

export const secretSet = lazily(async () => (await import('./cage/secret-commands.ts')).secretSet);
export const secretList = lazily(async () => (await import('./cage/secret-commands.ts')).secretList);
export const secretRemove = lazily(async () => (await import('./cage/secret-commands.ts')).secretRemove);

/** All that is known of a run on one clock; as text each line is bound to the one before, and holds no value of a secret. */
export async function* collectEvidence(
  context: Context,
  request: EvidenceRequest,
): AsyncGenerator<TimedEntry, void, undefined> {
  yield* (await import('./evidence/collect.ts')).collectEvidence(context, request);
}
export async function* evidenceLines(
  context: Context,
  request: EvidenceRequest,
): AsyncGenerator<string, void, undefined> {
  yield* (await import('./evidence/collect.ts')).evidenceLines(context, request);
}
export const writeEvidence = lazily(async () => (await import('./evidence/evidence.ts')).writeEvidence);
export const checkEvidence = lazily(async () => (await import('./evidence/evidence.ts')).checkEvidence);
export const writeText = lazily(async () => (await import('./evidence/evidence.ts')).writeText);
export const verifyEvidence = lazily(async () => (await import('./evidence/chain.ts')).verifyEvidence);
export const exportTraces = lazily(async () => (await import('./evidence/traces.ts')).exportTraces);

/** Many tasks in many cages, and what came of several cages side by side. */
export const runFleet = lazily(async () => (await import('./fleet/fleet-commands.ts')).runFleet);
export const showFleets = lazily(async () => (await import('./fleet/fleet-commands.ts')).showFleets);
export const showFleet = lazily(async () => (await import('./fleet/fleet-commands.ts')).showFleet);
export const stopFleet = lazily(async () => (await import('./fleet/fleet-commands.ts')).stopFleet);
export const removeFleet = lazily(async () => (await import('./fleet/fleet-commands.ts')).removeFleet);
/** Changes, checks, costs and traffic of several cages of one project. */
export const compareCages = lazily(async () => (await import('./fleet/compare.ts')).compareCages);
export const differenceOfCages = lazily(async () => (await import('./fleet/compare.ts')).differenceOfCages);

export const verifyCage = lazily(async () => (await import('./cage/verify.ts')).verifyCage);
export const doctor = lazily(async () => (await import('./cage/doctor.ts')).doctor);

/** What has come out of a cage and was not read yet by a consumer; `acknowledge` says that it was. */
export async function* readMessages(
  context: Context,
  name: string,
  options?: ReadOptions,
): AsyncGenerator<Message, void, undefined> {
  yield* (await import('./bus/messages.ts')).readMessages(context, name, options);
}
/** The same, and each new one, until a time, the end of the cage, of its runs or of the one that is named, or `signal`. */
export async function* pollMessages(
  context: Context,
  name: string,
  options?: PollCageOptions,
): AsyncGenerator<PollEvent, void, undefined> {
  yield* (await import('./runs/poll-cage.ts')).pollCage(context, name, options);
}
/** This message and all before it were worked on: this consumer is not given them again. */
export const acknowledge = lazily(async () => (await import('./bus/messages.ts')).acknowledge);
/** A message into a cage, as JSON of the type’s form; `replyTo` is the id of what it answers. */
export const sendMessage = lazily(async () => (await import('./bus/send.ts')).sendMessage);
export const forgetMessages = lazily(async () => (await import('./bus/forget.ts')).forgetMessages);
/** The exit code that a message ends `outbox --poll` with; undefined where the work goes on. */
export const outcomeOf = lazily(async () => (await import('./bus/message.ts')).outcomeOf);
export const payloadOfText = lazily(async () => (await import('./bus/message.ts')).payloadOfText);
/** Runs of agents that work unattended: launched, listed, followed to their end, stopped. */
export const launchRun = lazily(async () => (await import('./runs/launch-run.ts')).launchRun);
export const listRuns = lazily(async () => (await import('./runs/list-runs.ts')).listRuns);
export const findRun = lazily(async () => (await import('./runs/list-runs.ts')).findRun);
export const stopRun = lazily(async () => (await import('./runs/stop-run.ts')).stopRun);
/** How the work in a cage stands, and what to do next. */
export const diagnoseCage = lazily(async () => (await import('./runs/diagnose.ts')).diagnoseCage);
/** All work of a cage as it lies on disk, whatever is broken about it. */
export const salvageCage = lazily(async () => (await import('./cage/salvage.ts')).salvageCage);
/** What the agent of a run says, event by event, up to its end; text in it stems from inside the cage. */
export async function* followRun(
  context: Context,
  run: string,
  options?: FollowRunOptions,
): AsyncGenerator<RunEvent, void, undefined> {
  yield* (await import('./runs/follow-run.ts')).followRun(context, run, options);
}
/** The same as the bytes that it wrote. */
export async function* followBytes(
  context: Context,
  run: string,
  options?: FollowOptions,
): AsyncGenerator<Buffer, void, undefined> {
  yield* (await import('./runs/follow-run.ts')).followBytes(context, run, options);
}
