// One command's view of one cage: its paths, its spec, whom it runs as. Everything that acts on a cage takes this.
import { findTools, searchPath } from '../backends/host/tools.ts';
import type { Backend, CageIdentity } from '../backends/backend.ts';
import type { Tools } from '../backends/host/tools.ts';
import { createContainerBackend } from '../backends/container/container-backend.ts';
import { createNativeBackend } from '../backends/native/native-backend.ts';
import type { Context } from './context.ts';
import { cageIdentity, currentCaller } from './identity.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, readSpec, type CagePaths } from './store.ts';

export interface CageSession {
  context: Context;
  spec: CageSpec;
  paths: CagePaths;
  identity: CageIdentity;
  backend: Backend;
  callerIsRoot: boolean;
  tools: Tools;
  /** PATH for the host programs that are started. */
  path: string;
}

/** Opens a cage that exists; throws E_NO_CAGE, E_SPEC_BROKEN, E_TOOL_MISSING. */
export async function openSession(context: Context, name: string): Promise<CageSession> {
  return sessionFor(context, await readSpec(context, name));
}

/** Of a cage whose spec is not written yet. */
export function sessionFor(context: Context, spec: CageSpec): CageSession {
  const caller = currentCaller();
  const tools = findTools(context.environment, process.execPath);
  const path = searchPath(context.environment);
  return {
    context,
    spec,
    paths: cagePaths(context, spec.name),
    identity: cageIdentity(caller, spec),
    backend:
      spec.backend === 'native'
        ? createNativeBackend(tools, path)
        : createContainerBackend(tools, path, context.environment),
    callerIsRoot: caller.uid === 0,
    tools,
    path,
  };
}
