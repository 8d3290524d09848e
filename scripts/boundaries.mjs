// Checks which room imports which, and first that the check itself still bites: a run that scans nothing reports no violation.
// The forbidden imports of that test lie in a tree of their own: nothing else that reads this one ever meets them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import extractConfig from 'dependency-cruiser/config-utl/extract-depcruise-config';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const MINIMUM_MODULES = 40;
const config = await extractConfig('./.dependency-cruiser.cjs');
const tsConfig = extractTsConfig('./tsconfig.json');

async function violations(baseDir = process.cwd()) {
  const { output } = await cruise(
    ['src'],
    { ...config.options, baseDir, ruleSet: { forbidden: config.forbidden }, validate: true },
    {},
    { tsConfig },
  );
  return { modules: output.summary.totalCruised, found: output.summary.violations };
}

const probeTree = mkdtempSync(join(tmpdir(), 'ironcage-boundaries-'));
const probeFile = 'src/policy/boundary-self-test.ts';
try {
  for (const room of ['policy', 'platform']) mkdirSync(join(probeTree, 'src', room), { recursive: true });
  writeFileSync(join(probeTree, 'src/platform/errors.ts'), 'export const error: string = "";\n');
  writeFileSync(
    join(probeTree, probeFile),
    "import { readFileSync } from 'node:fs';\nimport '../platform/errors.ts';\nexport const probe: unknown = readFileSync;\n",
  );
  const { found } = await violations(probeTree);
  const hits = new Set(found.filter((v) => v.from === probeFile).map((v) => v.rule.name));
  if (!hits.has('policy-is-pure') || hits.size < 2) {
    console.error('boundaries: the self-test violation was not seen; the check is blind');
    process.exit(1);
  }
} finally {
  rmSync(probeTree, { recursive: true, force: true });
}

const { modules, found } = await violations();
if (modules < MINIMUM_MODULES) {
  console.error(`boundaries: only ${modules} modules were read, at least ${MINIMUM_MODULES} exist`);
  process.exit(1);
}
for (const v of found) console.error(`boundaries: ${v.from} → ${v.to}: ${v.rule.name}`);
if (found.length > 0) process.exit(1);
console.log(`boundaries: ${modules} modules, none looks where it must not`);
