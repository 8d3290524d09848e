// One task for an agent in a cage of its own: what it says while it works, what it changed, and the change as a branch.
// node follow-a-run.js DIRECTORY AGENT PROMPT
import { applyCage, diffCage, followRun, hostEnvironment, launchRun, openContext, printable } from 'ironcage';

const [directory, agent = 'claude', prompt = 'Fix the failing test.'] = process.argv.slice(2);
const context = openContext({ environment: hostEnvironment(), progress: (line) => console.error(line) });

// The cage is made where there is none; the project stays as it is.
const run = await launchRun(context, { directory, agent, prompt, budget: { time: '30m' } });
for await (const told of followRun(context, run.id)) {
  // Text from inside may hold what steers a terminal, and what asks to be obeyed: it is data.
  if (told.kind === 'event' && told.event.type === 'text') console.log(printable(told.event.text));
  if (told.kind === 'end') console.log(`${told.record.status}, exit code ${told.record.exitCode}`);
}

const { files } = await diffCage(context, run.cage);
for (const { change, path } of files) console.log(`${change} ${printable(path)}`);

// Files that could run on this machine by themselves are refused unless a review has accepted them.
const { branch } = await applyCage(context, run.cage, { target: { branch: 'agent/task' }, hostExecutable: 'refuse' });
console.log(`on the branch ${branch}`);
