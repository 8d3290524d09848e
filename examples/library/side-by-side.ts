// The same project in several cages at once, one prompt each: what came of them side by side. For many tasks with checks and
// retries, which also outlive this program, there is `runFleet`.
// node side-by-side.js DIRECTORY AGENT PROMPT PROMPT…
import {
  compareCages,
  followRun,
  hostEnvironment,
  launchRun,
  openContext,
  printable,
  removeCage,
  type RunInfo,
} from 'ironcage';

const [directory, agent = 'claude', ...prompts] = process.argv.slice(2);
const context = openContext({ environment: hostEnvironment() });

async function work(prompt: string, number: number): Promise<RunInfo> {
  const name = `try-${number + 1}`;
  let run = await launchRun(context, { directory, agent, prompt, options: { name } });
  for await (const told of followRun(context, run.id)) if (told.kind === 'end') run = told.record;
  return run;
}

const runs = await Promise.all(prompts.map(work));
const { cages, files } = await compareCages(
  context,
  runs.map(({ cage }) => cage),
  { checks: ['test -s README.md'] },
);
for (const { cage, status, change, checks } of cages) {
  const passed = checks.filter(({ exitCode }) => exitCode === 0).length;
  console.log(`${cage}: ${status}, ${change.files} files changed, ${passed} of ${checks.length} checks passed`);
}
for (const { path } of files) console.log(`changed in one of them: ${printable(path)}`);

// Work that nobody took over is not thrown away unless one says so; the trash keeps it for seven days.
for (const { cage } of runs) await removeCage(context, cage, { discard: true });
