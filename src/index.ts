// The library. The command line is written with it, and so is everything else that is not inside: what is not exported
// here is nobody's but ours.
export { openContext, type Context, type ContextOptions } from './cage/context.ts';
export type { CageOptions } from './cage/options.ts';
export { createCage, listAgents, planCage } from './cage/create-commands.ts';
export { startCage, stopCage, restartCage } from './cage/start.ts';
export { removeCage } from './cage/remove.ts';
export { cageExists } from './cage/store.ts';
export { listCages, resolveCageName, showCage, type CageInfo, type CageView } from './cage/view.ts';
export { execInCage, shellArgv, type Attachment, type ExecRequest } from './cage/enter.ts';
export { runAgent, type RunOutcome, type RunRequest } from './cage/run.ts';
export {
  applyCage,
  diffCage,
  diffCageText,
  planApplyCage,
  type ApplyOutcome,
  type ApplyView,
  type CageDiff,
} from './cage/work.ts';
export { auditCage, auditSummary, verifyAudit, type AuditQuery } from './cage/audit.ts';
export {
  policyAllow,
  policyDeny,
  policyRemove,
  policyShow,
  policyTest,
  type PolicyChange,
  type PolicyView,
  type RuleView,
} from './cage/policy-change.ts';
export { secretList, secretRemove, secretSet, type SecretInput } from './cage/secret-commands.ts';
export { verifyCage, type Probe, type Verification } from './cage/verify.ts';
export { doctor, type DoctorReport } from './cage/doctor.ts';
export type { AuditRecord } from './audit/record.ts';
export type { Decision, Rule } from './policy/types.ts';
export { IronError, toIronError, type ErrorCode } from './platform/errors.ts';
export { hostEnvironment } from './platform/environment.ts';
