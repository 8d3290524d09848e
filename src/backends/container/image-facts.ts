// What an engine says of an image: whose it is, from what it was made, for which machine. Nothing about images is kept
// beside the engine: a file could say that one is there when it is gone.
import { IronError } from '../../platform/errors.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';

export const IMAGE_LABELS = {
  tier: 'io.ironcage.tier',
  /** Hash of all inputs, as hashInputs makes it. */
  inputs: 'io.ironcage.inputs',
  parent: 'io.ironcage.parent',
} as const;

export interface ImageFacts {
  /** 64 hexadecimal digits. */
  id: string;
  /** Such as `linux/amd64`. */
  platform: string;
  /** Of an image of ours: the hash it was built with; else empty. */
  inputs: string;
}

/** Undefined when the engine has no such image. */
export async function findImage(engine: Engine, image: string): Promise<ImageFacts | undefined> {
  const format = `{{.Id}} {{.Os}}/{{.Architecture}} {{index .Config.Labels "${IMAGE_LABELS.inputs}"}}`;
  const found = await callEngine(engine, ['image', 'inspect', '--format', format, image]);
  if (found.exitCode !== 0) {
    if (/no such image|image not known|no such object|failed to find image/i.test(found.stderr)) return undefined;
    throw engineFailure(engine, `look for the image ${image}`, found);
  }
  const [id = '', platform = '', inputs = ''] = found.stdout.toString('utf8').trim().split(' ');
  const match = /^(?:sha256:)?([0-9a-f]{64})$/.exec(id);
  if (match?.[1] === undefined || !/^[a-z0-9]+\/[a-z0-9]+$/.test(platform)) {
    throw new IronError('E_BACKEND', {
      message: `${engine.kind} gives no id and platform for the image ${image}`,
      hint: `see what \`${engine.kind} image inspect\` says of it`,
    });
  }
  // Engines print a label that is not there in words of their own.
  return { id: match[1], platform, inputs: /^[0-9a-f]{64}$/.test(inputs) ? inputs : '' };
}
