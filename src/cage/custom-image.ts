// The image of a user's own Dockerfile. An agent may have written the file and what lies around it: it is read only from the
// path that the user named, and what it takes is known, and hashed, before an engine gets it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../backends/container/engine.ts';
import { ensureImage, type BuiltImage } from '../backends/container/image-build.ts';
import { renewImage } from '../backends/container/images.ts';
import { IronError } from '../platform/errors.ts';
import { copyContext, readDockerfileText } from './build-context.ts';
import { readDockerfile } from './dockerfile.ts';
import type { ImageWishes } from './image-request.ts';

interface CustomImage {
  path: string;
  text: string;
  usesParent: boolean;
  /** Other images that go into it. */
  images: readonly string[];
}

/** Throws E_USAGE. */
export function readCustom(
  path: string,
  { packages, toolchains }: Pick<ImageWishes, 'packages' | 'toolchains'>,
): CustomImage {
  const text = readDockerfileText(path);
  const custom = { path, text, ...readDockerfile(text, path) };
  if (custom.usesParent || packages.length + toolchains.length === 0) return custom;
  throw new IronError('E_USAGE', {
    message: '--packages and --toolchain go into an image of ours, on which this Dockerfile does not stand',
    because: `${path} has no FROM \${PARENT}`,
    hint: 'begin it with `ARG PARENT` and `FROM ${PARENT}`, or leave the two options out',
  });
}

interface CustomSite {
  engine: Engine;
  /** An existing directory for what is built from. */
  scratch: string;
  buildArguments: Readonly<Record<string, string>>;
  /** Ask registries for newer images of those that go into it. */
  pull: boolean;
  progress(line: string): void;
}

/** `parent` is the image of ours below it. Throws E_USAGE for a context that is refused, E_BACKEND. */
export async function buildCustom(
  site: CustomSite,
  { path, text, images }: CustomImage,
  parent: string | undefined,
): Promise<BuiltImage> {
  const { engine, scratch, buildArguments } = site;
  const progress = (line: string): void => site.progress(line);
  const pins: string[] = [];
  for (const image of images) {
    const { id, platform } = await renewImage(engine, image, site.pull, progress);
    pins.push(`${image} ${id} ${platform}`);
  }
  const directory = join(scratch, 'custom-context');
  const dockerfile = join(scratch, 'custom.Dockerfile');
  mkdirSync(directory);
  copyContext(path, directory);
  writeFileSync(dockerfile, text, { flag: 'wx' });
  progress(`building ${path}: its steps run with the network of this machine’s containers, not with that of a cage`);
  return ensureImage(
    engine,
    {
      tier: 'custom',
      name: 'custom',
      directory,
      dockerfile,
      parent,
      arguments: {},
      userArguments: buildArguments,
      pins,
    },
    { force: false, scratch, progress },
  );
}
