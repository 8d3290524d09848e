// One change of a cage's life through the library, which ends itself at one step as a crash would: killed, with no
// chance to tidy up. Prints the step before it is reached. Usage: step-child.mjs OPERATION CAGE PROJECT [STEP-NUMBER [SIGNAL]]
import { writeSync } from 'node:fs';
import {
  addDir,
  backupCage,
  createCage,
  forkCage,
  exportCage,
  findLeftovers,
  launchRun,
  openContext,
  planRestore,
  publishPorts,
  removeCage,
  removeDir,
  removeLeftovers,
  removeSnapshot,
  restartCage,
  restoreBackup,
  restoreTrashed,
  rewindCage,
  startCage,
  stopCage,
  takeSnapshot,
  syncCage,
  upgradeCage,
} from '../../dist/index.js';

const [operation, name, project, last, signal = 'SIGKILL'] = process.argv.slice(2);
let number = 0;
const context = openContext({
  environment: process.env,
  cwd: project,
  step(step) {
    writeSync(1, `${step}\n`);
    if (String(number) === last) process.kill(process.pid, signal);
    number += 1;
  },
});
const nothing = { allow: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [] };
const wholly = { deletes: false, protect: [], includeIgnored: false, force: true };
const operations = {
  create: () => createCage(context, project, { ...nothing, name }),
  start: () => startCage(context, name),
  stop: () => stopCage(context, name),
  restart: () => restartCage(context, name),
  launch: () => launchRun(context, { cage: name, agent: 'shell', prompt: 'echo ran >>"$HOME/ran"; sleep 1' }),
  publish: () => publishPorts(context, name, ['0:8785']),
  'add-dir': () => addDir(context, name, `${project}-lib`),
  'remove-dir': () => removeDir(context, name, 'p-lib', { discard: true }),
  snapshot: () => takeSnapshot(context, name, { name: 'new' }),
  'snapshot-rm': () => removeSnapshot(context, name, 'old', { discard: true }),
  prune: async () => {
    const leftovers = await findLeftovers(context, { removedBeforeMs: Date.now() });
    await removeLeftovers(context, leftovers, { discard: true });
  },
  rewind: () => rewindCage(context, name, 'old'),
  fork: () => forkCage(context, name, `${name}-2`),
  upgrade: () => upgradeCage(context, name, { dryRun: false, offline: true, pull: false, to: undefined }),
  backup: () => backupCage(context, name, { file: `${project}.backup`, force: true }),
  'restore-file': async () => {
    const { seal } = await planRestore(context, `${project}.backup`, {});
    await restoreBackup(context, `${project}.backup`, { seal, force: true, discard: true });
  },
  restore: () => restoreTrashed(context, name, { force: false, discard: false }),
  sync: () => syncCage(context, name, { paths: [], force: false, dryRun: false }),
  export: () => exportCage(context, name, { ...wholly, hostExecutable: 'accept' }),
  remove: () => removeCage(context, name, { discard: true }),
};
await operations[operation]();
