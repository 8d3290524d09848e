// Starting a cage: the egress and the keeper come up side by side, the cage last; it never runs without an egress that
// has confirmed its policy. Stopping it is the way back.
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { emptyDirectory, makeDirectory, pathExists } from '../platform/files.ts';
import {
  EGRESS_INSIDE,
  insideAuthorityFiles,
  startEgress,
  type StartingEgress,
} from '../backends/native/egress-host.ts';
import { startNativeCage, writeFilter } from '../backends/native/start.ts';
import { IronError } from '../platform/errors.ts';
import type { ProcessIdentity } from '../platform/processes.ts';
import { generationHash } from '../egress/generation.ts';
import type { Context } from './context.ts';
import { composePlan } from './compose-plan.ts';
import { egressConfig } from './policy.ts';
import { endProcesses, repairCage, stateHealth } from './repair.ts';
import type { CageSession } from './session.ts';
import { noteCageState, readCageState, writeCageState } from './store.ts';
import type { RunningState } from './state.ts';

/** Stops a cage that runs, or what is left of one. The caller holds its lock. */
export async function stopLocked(context: Context, name: string): Promise<void> {
  const state = readCageState(context, name);
  if (stateHealth(state) === 'running' && state.phase === 'running') {
    const { egress, holder, init, cgroups } = state;
    context.step('stop: begin');
    noteCageState(context, name, { phase: 'stopping', egress, holder, init, cgroups });
    context.step('stop: announced');
    await endProcesses(state, STOP_GRACE_MS);
    context.step('stop: ended');
    noteCageState(context, name, { phase: 'stopped' });
    context.step('stop: written');
  } else await repairCage(context, name);
}

/** Time for the cage's programs to end by themselves. */
const STOP_GRACE_MS = 2_000;

/** Starts a cage that does not run. The caller holds its lock and has repaired it. */
export async function startLocked(session: CageSession, stopWhenIdle: boolean): Promise<RunningState> {
  const { context, spec, paths, identity, callerIsRoot } = session;
  prepareDirectories(session);
  const cgroups: string[] = [];
  let egress: StartingEgress | undefined;
  let serving: ReturnType<StartingEgress['serve']> | undefined;
  let holder: ProcessIdentity | undefined;
  context.step('start: begin');
  writeCageState(context, spec.name, { phase: 'starting', cgroups });
  context.step('start: announced');
  try {
    writeFilter(paths.run);
    const authorityFiles = upstreamAuthorities(context);
    const launch = { identity, callerIsRoot, directories: paths.egress, authorityFiles, runDirectory: paths.run };
    const starting = startEgress(launch, session.tools, session.path);
    egress = starting;
    writeCageState(context, spec.name, { phase: 'starting', egress: starting.identity, cgroups });
    context.step('start: egress known');
    const inside = {
      caDirectory: EGRESS_INSIDE.ca,
      auditDirectory: EGRESS_INSIDE.audit,
      controlSocket: join(EGRESS_INSIDE.control, 'control.sock'),
      upstreamCaFiles: insideAuthorityFiles(authorityFiles),
    };
    const config = await egressConfig(context, spec, inside);
    const expected = generationHash(config);
    const configured = starting.configure(config);
    // The keeper comes up meanwhile; a failure is seen where the first listener waits for this.
    configured.catch(() => undefined);
    const plan = await composePlan(session);
    const running = await startNativeCage(plan, session.tools, session.path, {
      async listener(request, handle) {
        await configured;
        await starting.listener(request, handle);
      },
      async certificate() {
        const { generation, hash, caPem } = await configured;
        if (generation !== spec.generation || hash !== expected) throw unconfirmed();
        // It has its policy and its listeners: what the cage sends meanwhile waits in their queues.
        serving = starting.serve();
        serving.catch(() => undefined);
        return caPem;
      },
      holderKnown(identityOfHolder, groups) {
        holder = identityOfHolder;
        cgroups.push(...groups);
        writeCageState(context, spec.name, { phase: 'starting', egress: starting.identity, holder, cgroups });
        context.step('start: holder known');
      },
    });
    context.step('start: cage exists');
    const served = await serving;
    if (served === undefined || served.hash !== expected) throw unconfirmed();
    const state: RunningState = {
      phase: 'running',
      egress: served.process,
      ...running,
      generation: spec.generation,
      hash: expected,
      stopWhenIdle,
    };
    writeCageState(context, spec.name, state);
    context.step('start: written');
    starting.detach();
    return state;
  } catch (error) {
    await endProcesses({
      phase: 'stopping',
      ...(egress && { egress: egress.identity }),
      ...(holder && { holder }),
      cgroups,
    });
    // Afterwards: without its wrapper what serves would not be found.
    egress?.kill();
    noteCageState(context, spec.name, { phase: 'stopped' });
    throw error;
  }
}

function unconfirmed(): IronError {
  return new IronError('E_EGRESS', {
    message: 'the egress did not confirm the policy of this cage',
    because: 'it serves another generation than the one that was sent',
    hint: 'a cage never runs with an unconfirmed policy; start it again, and report this if it comes back',
  });
}

function prepareDirectories({ paths, identity, callerIsRoot }: CageSession): void {
  for (const directory of [
    paths.run,
    paths.home,
    paths.tmp,
    paths.egress.ca,
    paths.egress.audit,
    paths.egress.control,
  ]) {
    makeDirectory(directory);
  }
  for (const directory of [paths.run, paths.tmp, paths.egress.control]) emptyDirectory(directory, paths.root);
  if (!callerIsRoot) return;
  for (const directory of Object.values(paths.egress)) chownSync(directory, identity.egressUid, identity.egressUid);
}

/** Authorities that this user's tools trust besides Node's own. */
function upstreamAuthorities({ environment }: Context): string[] {
  const named = [environment['NODE_EXTRA_CA_CERTS'], environment['SSL_CERT_FILE']];
  const files = [...SYSTEM_AUTHORITIES, ...named].filter((file): file is string => file !== undefined && file !== '');
  return [...new Set(files)].filter((file) => pathExists(file));
}

const SYSTEM_AUTHORITIES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];
