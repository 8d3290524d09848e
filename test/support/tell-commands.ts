// After a test or a hook has failed: the commands that came before, and what they said. A test that expects an exit code shows no more
// than that, and what happens once in a thousand runs is not seen a second time.
import { afterAll, afterEach, type TestContext } from 'vitest';
import { lastCommands } from './sandbox.ts';

type Task = TestContext['task'];
type Suite = NonNullable<Task['suite']> | Task['file'];

afterEach(({ task }) => {
  if (task.result?.state === 'fail') tell(task.name);
});

// Vitest insists on the pattern.
// eslint-disable-next-line no-empty-pattern
afterAll(({}, file) => {
  const failed = suitesOf(file).find(({ result }) => result?.state === 'fail');
  if (failed !== undefined) tell(failed.name);
});

function suitesOf(suite: Suite): Suite[] {
  return [suite, ...suite.tasks.flatMap((task) => (task.type === 'suite' ? suitesOf(task) : []))];
}

function tell(name: string): void {
  const commands = lastCommands();
  if (commands.length > 0) process.stderr.write(`before "${name}" failed:\n${commands.join('\n')}\n`);
}
