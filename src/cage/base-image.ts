// Base with uv where it is to be had, and without it where it is not: a machine that cannot reach its makers still gets its
// cages. Which of the two an image is stands among its inputs.
import type { Engine } from '../backends/container/engine.ts';
import {
  ensureImage,
  hasImage,
  type BuildOptions,
  type BuiltImage,
  type ImageRecipe,
} from '../backends/container/image-build.ts';
import { IronError } from '../platform/errors.ts';

/** What images/base/install-uv.sh says. */
const NOT_TO_BE_HAD = 'uv is not to be had';
const MISSING = 'base: without uv, which could not be fetched; `ironcage build base --build-arg UV=1` adds it';

/** `recipe` says nothing of UV, unless the user did. Throws as ensureImage does. */
export async function ensureBase(engine: Engine, recipe: ImageRecipe, options: BuildOptions): Promise<BuiltImage> {
  if (recipe.userArguments['UV'] !== undefined) return ensureImage(engine, recipe, options);
  const [withUv, without] = ['1', '0'].map((UV) => ({ ...recipe, arguments: { ...recipe.arguments, UV } }));
  if (withUv === undefined || without === undefined) throw new Error('two recipes were made');
  const isKnownWithout =
    !options.force && !(await hasImage(engine, withUv, options)) && (await hasImage(engine, without, options));
  if (!isKnownWithout) {
    try {
      return await ensureImage(engine, withUv, options);
    } catch (error) {
      if (!(error instanceof IronError && error.because?.includes(NOT_TO_BE_HAD) === true)) throw error;
    }
  }
  options.progress(MISSING);
  // With the steps that have just been made.
  return ensureImage(engine, without, { ...options, force: false });
}
