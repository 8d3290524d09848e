// Packs the compiled command line and the programs that stand beside a cage into few files: Node takes about half a millisecond for
// each module that it loads, and a command such as `create` wants more than three hundred. The library (dist/index.js) stays as tsc
// wrote it, and so does what looks for its own files: the programs of inspectors, and those that run inside a cage.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

/** As deep below the root as dist/platform is: see src/platform/package-root.ts. */
const DIRECTORY = 'dist/bin';
const STARTING = ['cage/start.js', 'backends/container/start.js', 'backends/native/start.js'];
const MAKING = ['cage/create-commands.js', 'cage/lay-workspaces.js', 'backends/native/probe.js'];
/**
 * What one of these loads at once is one file: by itself rolldown makes a file of whatever some commands share, and a command on a cage
 * that runs would load fifty. Each holds what those before it do not; `also`: only what these load too.
 */
const TOGETHER = [
  // Answers `--version`, and finds what was compiled of all others.
  { name: 'door', roots: ['platform/version.js', 'cli/compiled-code.js'] },
  {
    name: 'running',
    roots: ['cli/process-host.js', 'cli/commands/exec.js', 'index.js', 'cage/enter.js', 'cage/resolve-name.js'],
  },
  // What making a cage wants of what starts one: the rest of that is large, and zod is in it.
  { name: 'made-and-started', roots: MAKING, also: STARTING },
  { name: 'starting', roots: STARTING },
];

/** As deep as those it is made of, and in the directory that a native cage sees while it is made. */
const PROGRAMS_DIRECTORY = 'dist/backends/packed';
const PROGRAMS = {
  egress: 'dist/egress/main.js',
  'open-listeners': 'dist/backends/host/open-listeners.js',
  'forward-port': 'dist/backends/host/forward-port.js',
  gate: 'dist/backends/container/gate.js',
};

/** Stays outside: it has a compiled part, which it finds beside its own files. */
const NATIVE = ['@lydell/node-pty'];

/** Writes `input` and what it loads into `directory`, and returns what was written. */
async function pack(directory, input, codeSplitting = {}) {
  rmSync(directory, { recursive: true, force: true });
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: NATIVE,
    logLevel: 'warn',
    // A call whose result nobody takes can be there for what it throws: rolldown took a check of paths, by decodeURIComponent, away.
    treeshake: false,
    // A library that other modules load at once is none that a dynamic import could put off: known, and meant.
    checks: { ineffectiveDynamicImport: false },
    plugins: [
      {
        name: 'zod-in-english',
        // Two thirds of zod are its messages in fifty languages, none of which is ever chosen here.
        load: (id) => (id.endsWith('/zod/v4/locales/index.js') ? 'export {};' : null),
      },
    ],
  });
  const { output } = await bundle.write({
    dir: directory,
    // Not as modules: what V8 compiled of those can be kept only from Node 22 on, and they take longer to load.
    format: 'cjs',
    // What is run from kept code cannot call import(): V8 has forgotten there whom to ask.
    dynamicImportInCjs: false,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting,
    // Less to parse; names stay, so that a stack can be read.
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  });
  await bundle.close();
  return output.filter(({ type }) => type === 'chunk');
}

/** Modules that are loaded with `id`, by imports that stand in its head. */
function loadedWith(id, graph, found) {
  if (found.has(id)) return;
  found.add(id);
  for (const next of graph.getModuleInfo(id)?.importedIds ?? []) loadedWith(next, graph, found);
}

const loaded = new Map();

function isLoadedBy(roots, id, graph) {
  if (!loaded.has(roots)) {
    const found = new Set();
    for (const root of roots) loadedWith(resolve('dist', root), graph, found);
    loaded.set(roots, found);
  }
  return loaded.get(roots).has(id);
}

const groups = TOGETHER.map(({ name, roots, also = roots }, index) => ({
  name: (id, graph) => (isLoadedBy(roots, id, graph) && isLoadedBy(also, id, graph) ? name : null),
  debugName: name,
  priority: TOGETHER.length - index,
}));

const commands = await pack(DIRECTORY, ['dist/cli/main.js', 'dist/cli/compiled-code.js'], { groups });
const programs = await pack(PROGRAMS_DIRECTORY, PROGRAMS);
const output = [...commands, ...programs];

for (const { fileName, code } of commands) {
  if (/[^.\w]import\(/.test(code)) throw new Error(`${fileName} would fail at an import() once its code is kept`);
}

const digest = createHash('sha256');
for (const file of commands) digest.update(`${file.fileName}\0${file.code}\0`);
writeFileSync(
  join(DIRECTORY, 'package.json'),
  `${JSON.stringify({ type: 'commonjs', digest: digest.digest('hex').slice(0, 32) })}\n`,
);

writeFileSync(join(PROGRAMS_DIRECTORY, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);

const modules = output.flatMap(({ moduleIds }) => moduleIds);
for (const id of modules) {
  if (!isAbsolute(id) || id.includes('/node_modules/') || id.endsWith('/platform/package-root.js')) continue;
  if (readFileSync(id, 'utf8').includes('import.meta'))
    throw new Error(`${id} would look beside the bundle for what it wants`);
}

const packages = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []));
const notices = [...packages].sort().map((directory) => {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const file = readdirSync(directory).find((entry) => /^(licen[cs]e|copying)(\.|$)/i.test(entry));
  const text = file === undefined ? '' : readFileSync(join(directory, file), 'utf8').trim();
  return `${name} ${version}, ${license}\n\n${text}\n`;
});
writeFileSync(join(DIRECTORY, 'THIRD-PARTY-LICENSES.txt'), notices.join(`\n${'-'.repeat(80)}\n\n`));
