// What the egress costs beside its peers, all in one run on the same two processors: a direct connection, nginx as a TLS-to-TLS
// proxy that looks at nothing, mitmproxy, and mockttp. Prints ratios, because the machine's own speed says nothing. What the
// machine lacks is left out and named. After `npm run build`: node test/bench/egress.mjs [SECONDS] [HOP,HOP…]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHop, HOPS } from './egress/hops.mjs';
import { measureHop } from './egress/measures.mjs';
import { missingPrograms } from './egress/programs.mjs';
import { startOrigin } from './egress/origin.mjs';
import { printTable } from './egress/table.mjs';

const seconds = Number(process.argv[2] ?? 4);
const wanted = process.argv[3]?.split(',') ?? HOPS;

const missing = missingPrograms(['nginx', 'wrk', 'curl']);
if (missing.length > 0) {
  console.log(`egress bench skipped: ${missing.join(' and ')} not found`);
  process.exit(0);
}

const directory = mkdtempSync(join(tmpdir(), 'ironcage-bench-'));
const origin = await startOrigin(directory);
const results = [];
try {
  for (const name of wanted) {
    const hop = await startHop(name, origin, directory);
    if (hop.missing !== undefined) {
      console.log(`${name} is left out: ${hop.missing}`);
      continue;
    }
    try {
      results.push({ name, ...(await measureHop(hop, directory, seconds)) });
      console.error(`${name} measured`);
    } finally {
      await hop.stop();
    }
  }
  printTable(results);
} finally {
  await origin.stop();
  rmSync(directory, { recursive: true, force: true });
}
