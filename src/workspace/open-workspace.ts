// What every look at one workspace needs, got once for all looks of a command: the project as it is, the user's settings of git, and a
// git that reads the base. Only reads.
import { baseStore } from './base.ts';
import type { BaseStore } from './base-store.ts';
import { readEffectiveConfig, type GitSettings } from './git.ts';
import { withOpenStore } from './object-reading.ts';
import { inspectProject, type Project } from './project.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface OpenWorkspace {
  workspace: PreparedWorkspace;
  store: BaseStore;
  project: Project;
  /** Being read meanwhile. */
  settings: Promise<GitSettings>;
}

export async function withOpenWorkspace<T>(
  workspace: PreparedWorkspace,
  work: (open: OpenWorkspace) => Promise<T>,
): Promise<T> {
  const project = await inspectProject(workspace.projectRoot);
  return withOpenStore(baseStore(workspace.base), (store) => {
    const settings = readEffectiveConfig(project.git?.gitDir);
    // Who awaits it hears of a failure; nobody may.
    settings.catch(() => undefined);
    return work({ workspace, store, project, settings });
  });
}
