// Builds one image from its recipe, or finds that the engine has it already. The recipe is copied out of the package before
// the build: what is fetched for it lies beside the copy, and the package is never written.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { IronError } from '../../platform/errors.ts';
import { run } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';
import { findImage } from './image-facts.ts';
import { IMAGE_LABELS, type ImageFacts } from './image-labels.ts';
import { hashInputs, readRecipeFiles } from './image-hash.ts';
import { requireImage } from './images.ts';

export type ImageTier = 'base' | 'toolchain' | 'agent' | 'custom';

export interface ImageRecipe {
  tier: ImageTier;
  /** Begins its tag: `base`, `toolchain`, `agent-claude-2.1.0`. */
  name: string;
  /** Holds the Dockerfile and what it copies. */
  directory: string;
  /** Of a user's Dockerfile: the file, and then `directory` is a copy already, which the build may use as it is. */
  dockerfile?: string;
  /** The image below, which the Dockerfile takes as PARENT; undefined where it names its own. */
  parent: string | undefined;
  /** Of the tier agent: which one. */
  agent?: string;
  /** Values for the Dockerfile's arguments; seen in process lists and in the image's history. */
  arguments: Readonly<Record<string, string>>;
  /** The user's own, a proxy with a password perhaps: never in an argv. */
  userArguments: Readonly<Record<string, string>>;
  /** What `addPrograms` fetches, each as name, version and checksum. */
  pins: readonly string[];
  /** Fills the empty directory `programs` of the build's context. */
  addPrograms?(directory: string): Promise<void>;
}

export interface BuildOptions {
  /** Build although the engine has it, without the engine's own cache. */
  force: boolean;
  /** An existing directory for the context of the build. */
  scratch: string;
  progress(line: string): void;
}

export interface BuiltImage {
  tier: ImageTier;
  /** How it is named to an engine: never to be had from a registry. */
  image: string;
  /** The engine's id, 64 hexadecimal digits. */
  id: string;
  /** Hash of all inputs. */
  inputs: string;
  parent: string | undefined;
  /** False: the engine had it. */
  built: boolean;
  seconds: number;
}

const BUILD_TIMEOUT_MS = 60 * 60_000;
const PROGRESS_INTERVAL_MS = 15_000;
const HASH_DIGITS = 12;

/** Throws E_BACKEND with the build's last words; then there is no image of that tag, or the one that was there. */
export async function ensureImage(engine: Engine, recipe: ImageRecipe, options: BuildOptions): Promise<BuiltImage> {
  const start = performance.now();
  const { parentId, inputs, image, present } = await look(engine, recipe, options);
  const result = (id: string, built: boolean): BuiltImage => ({
    ...{ tier: recipe.tier, image, id, inputs, parent: recipe.parent, built },
    seconds: Math.round((performance.now() - start) / 100) / 10,
  });
  if (present?.inputs === inputs && !options.force) {
    options.progress(`${recipe.name}: unchanged`);
    return result(present.id, false);
  }
  const scratch = mkdtempSync(join(options.scratch, 'image-'));
  try {
    const site = await layOut(recipe, scratch);
    const { agent = '' } = recipe;
    await build(engine, recipe, {
      ...site,
      image,
      labels: { tier: recipe.tier, inputs, parent: parentId, agent },
      options,
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const made = await findImage(engine, image);
  if (made?.inputs !== inputs) {
    throw new IronError('E_BACKEND', {
      message: `${engine.kind} built ${image}, but does not have it`,
      hint: 'a builder of its own may keep it: choose one that loads images into the engine, and run the command again',
    });
  }
  // Nameless now; it stays where a cage or another image stands on it.
  if (present !== undefined && present.id !== made.id) await callEngine(engine, ['image', 'rm', present.id]);
  return result(made.id, true);
}

/** Whether the engine has what the recipe would make now. */
export async function hasImage(engine: Engine, recipe: ImageRecipe, options: BuildOptions): Promise<boolean> {
  const { inputs, present } = await look(engine, recipe, options);
  return present?.inputs === inputs;
}

interface Look {
  parentId: string;
  inputs: string;
  image: string;
  /** What the engine has of that tag. */
  present: ImageFacts | undefined;
}

async function look(engine: Engine, recipe: ImageRecipe, options: BuildOptions): Promise<Look> {
  const progress = (line: string): void => options.progress(line);
  const parent = recipe.parent === undefined ? undefined : await requireImage(engine, recipe.parent, progress);
  const { dockerfile } = recipe;
  const inputs = hashInputs({
    files: readRecipeFiles(recipe.directory),
    arguments: { ...recipe.arguments, ...recipe.userArguments, PARENT: recipe.parent ?? '' },
    parentId: parent?.id ?? '',
    pins: dockerfile === undefined ? recipe.pins : [...recipe.pins, `Dockerfile ${readFileSync(dockerfile, 'utf8')}`],
    platform: parent?.platform ?? '',
  });
  // `localhost` is no registry: neither engine will look for it elsewhere.
  const image = `localhost/ironcage:${recipe.name}-${inputs.slice(0, HASH_DIGITS)}`;
  return { parentId: parent?.id ?? '', inputs, image, present: await findImage(engine, image) };
}

/** The directory that a build gets, and the Dockerfile that it follows. */
async function layOut(recipe: ImageRecipe, scratch: string): Promise<{ context: string; dockerfile: string }> {
  if (recipe.dockerfile !== undefined) return { context: recipe.directory, dockerfile: recipe.dockerfile };
  cpSync(recipe.directory, scratch, { recursive: true });
  const programs = join(scratch, 'programs');
  mkdirSync(programs, { recursive: true });
  chmodSync(programs, 0o755);
  await recipe.addPrograms?.(programs);
  return { context: scratch, dockerfile: join(scratch, 'Dockerfile') };
}

interface Build {
  context: string;
  dockerfile: string;
  image: string;
  labels: Readonly<Record<keyof typeof IMAGE_LABELS, string>>;
  options: BuildOptions;
}

async function build(
  engine: Engine,
  recipe: ImageRecipe,
  { context, dockerfile, image, labels, options }: Build,
): Promise<void> {
  const parent = recipe.parent === undefined ? {} : { PARENT: recipe.parent };
  const args = [
    ...(await builderCommand(engine)),
    ...['--tag', image, '--file', dockerfile],
    ...Object.entries({ ...recipe.arguments, ...parent }).flatMap(([name, value]) => [
      '--build-arg',
      `${name}=${value}`,
    ]),
    // A name alone: the engine's command line takes the value from its environment.
    ...Object.keys(recipe.userArguments).flatMap((name) => ['--build-arg', name]),
    ...LABEL_NAMES.filter((name) => labels[name] !== '').flatMap((name) => [
      '--label',
      `${IMAGE_LABELS[name]}=${labels[name]}`,
    ]),
    ...(options.force ? ['--no-cache'] : []),
    context,
  ];
  options.progress(`${recipe.name}: building`);
  const start = performance.now();
  const lines = createLines((line) => {
    if (STEP.test(line)) options.progress(`${recipe.name}: ${line}`);
  });
  const ticker = setInterval(
    () => options.progress(`${recipe.name}: still building (${Math.round((performance.now() - start) / 1000)} s)`),
    PROGRESS_INTERVAL_MS,
  );
  try {
    const done = await run(engine.program, [...engine.selectors, ...args], {
      env: { ...recipe.userArguments, ...engine.env },
      timeoutMs: BUILD_TIMEOUT_MS,
      onOutput: (chunk) => lines.add(chunk),
    });
    if (done.exitCode === 0) return;
    const failure = engineFailure(engine, `build the image ${recipe.name}`, done);
    throw new IronError(failure.code, {
      message: failure.message,
      because: done.timedOut ? 'it took longer than an hour' : lines.last(),
      hint: failure.code === 'E_DISK_FULL' ? failure.hint : 'mend what the last lines name and run the command again',
    });
  } finally {
    clearInterval(ticker);
  }
}

const LABEL_NAMES = ['tier', 'inputs', 'parent', 'agent'] as const;

/** A step as the classic builder, Podman and buildx announce it. */
const STEP = /^(?:step \d+\/\d+|#\d+ \[)/i;

/**
 * Behind the engine's name. buildx where there is one, with the builder of the engine itself: another one, in a container
 * of its own, has neither our parent images nor a place where a cage finds the result.
 */
async function builderCommand(engine: Engine): Promise<string[]> {
  if (engine.kind === 'podman') return ['build', '--force-rm', '--pull-never'];
  const buildx = await callEngine(engine, ['buildx', 'version']);
  if (buildx.exitCode !== 0) return ['build', '--force-rm'];
  const context = await callEngine(engine, ['context', 'show']);
  const name = context.exitCode === 0 ? context.stdout.toString('utf8').trim() : '';
  return ['buildx', 'build', '--builder', name || 'default', '--load', '--progress', 'plain', '--provenance', 'false'];
}

const KEPT_LINES = 12;

/** Cuts what a build prints into lines, and keeps the last. What a build prints is anybody's. */
function createLines(onLine: (line: string) => void): { add(chunk: Buffer): void; last(): string[] } {
  const decoder = new StringDecoder('utf8');
  const kept: string[] = [];
  let rest = '';
  const take = (line: string): void => {
    // The classic builder colours every piece that a step writes to its stderr.
    const shown = printableLine(stripVTControlCharacters(line).trimEnd()).slice(0, 300);
    if (shown === '') return;
    kept.push(shown);
    if (kept.length > KEPT_LINES) kept.shift();
    onLine(shown);
  };
  return {
    add: (chunk) => {
      const parts = (rest + decoder.write(chunk)).split(/[\r\n]/);
      rest = (parts.pop() ?? '').slice(0, 65_536);
      parts.forEach(take);
    },
    last: () => {
      take(rest);
      rest = '';
      return [...kept];
    },
  };
}
