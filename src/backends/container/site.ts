// What the parts of a container’s start have in common.
import type { CagePlan, ContainerPlan } from '../backend.ts';
import type { Tools } from '../host/tools.ts';
import type { Engine } from './engine.ts';

/** A container that is to be: what it is made from, and with what. */
export interface ContainerSite {
  plan: CagePlan;
  container: ContainerPlan;
  engine: Engine;
  tools: Tools;
  /** PATH for the host programs that are started. */
  path: string;
}
