// Native cages behind the interface of all backends. What only a start needs is loaded by the start.
import type { Backend } from '../backend.ts';
import type { Tools } from '../host/tools.ts';
import { enterCommand } from './enter.ts';

export function createNativeBackend(tools: Tools, path: string): Backend {
  return {
    async start(plan, hooks) {
      const { startNativeCage } = await import('./start.ts');
      return startNativeCage(plan, tools, path, hooks);
    },
    enter: (plan, cage, request) => enterCommand(plan, cage, tools, path, request),
    async reopenListeners(plan, { holder }, handOver) {
      const { reopenListeners } = await import('./reopen-listeners.ts');
      await reopenListeners({ ...plan, holder }, tools, path, handOver);
      return {};
    },
    joinNetwork: (callerIsRoot, { holder }) => {
      const user = callerIsRoot ? [] : ['--user', '--preserve-credentials'];
      return Promise.resolve([tools.nsenter, '--target', String(holder.pid), ...user, '--net', '--']);
    },
    replaceRouter: () => Promise.reject(new Error('a native cage has no router')),
  };
}
