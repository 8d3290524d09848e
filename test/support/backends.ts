// Over which backend the suites run — the same files for each — and the few facts in which an unharmed cage of one kind differs
// from one of another, for the tests that look at exactly these.
import { hostEnvironment } from '../../src/platform/environment.ts';

export type TestBackend = 'native' | 'docker' | 'podman';

export const BACKEND = backendNamed(hostEnvironment()['IRONCAGE_TEST_BACKEND'] ?? 'native');

interface BackendFacts {
  /** Name of process 1. */
  first: string;
  /** What process 1 runs, where it is a file that is seen inside. */
  firstProgram?: string;
  /** Names that process 1 may have in its environment. */
  firstVariables: readonly string[];
}

export const BACKEND_FACTS: BackendFacts =
  BACKEND === 'native'
    ? { first: 'bwrap', firstVariables: [] }
    : {
        first: 'hold',
        firstProgram: '/ironcage/hold',
        firstVariables: ['HOME', 'HOSTNAME', 'PATH', 'TERM', 'container'],
      };

function backendNamed(name: string): TestBackend {
  if (name === 'native' || name === 'docker' || name === 'podman') return name;
  throw new Error(`no backend is named ${name}`);
}

/** What the engine's command line needs of the environment of whoever runs the tests: a rootless one has its store at home. */
export function engineEnvironment(backend: TestBackend): Record<string, string> {
  if (backend === 'native') return {};
  const own = process.getuid?.() === 0 ? [] : ['CONTAINERS_STORAGE_CONF', 'HOME', 'XDG_RUNTIME_DIR'];
  const names = ['CONTAINERS_CONF', ...own];
  const environment = hostEnvironment();
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
