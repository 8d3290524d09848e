// What an engine says of an image: whose it is, from what it was made, for which machine. Nothing about images is kept
// beside the engine: a file could say that one is there when it is gone.
import { z } from 'zod';
import { IronError } from '../../platform/errors.ts';
import { askDocker } from './docker-socket.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';

export const IMAGE_LABELS = {
  tier: 'io.ironcage.tier',
  /** Hash of all inputs, as hashInputs makes it. */
  inputs: 'io.ironcage.inputs',
  parent: 'io.ironcage.parent',
  /** Of the tier agent: which one it brings. */
  agent: 'io.ironcage.agent',
} as const;

export interface ImageFacts {
  /** 64 hexadecimal digits. */
  id: string;
  /** Such as `linux/amd64`. */
  platform: string;
  /** Of an image of ours: the hash it was built with; else empty. */
  inputs: string;
  /** Of an image of the tier agent: which one it brings. */
  agent?: string;
  /** The PATH that it sets; empty when it sets none. */
  searchPath: string;
}

// The whole document: the two engines name its fields alike, and the fields of their templates not.
const Facts = z.object({
  Id: z.string().regex(/^(?:sha256:)?[0-9a-f]{64}$/),
  Os: z.string().regex(/^[a-z0-9]+$/),
  Architecture: z.string().regex(/^[a-z0-9]+$/),
  Config: z
    .object({ Labels: z.record(z.string(), z.string()).nullish(), Env: z.array(z.string()).nullish() })
    .nullish(),
});

/** Undefined when the engine has no such image. */
export async function findImage(engine: Engine, image: string): Promise<ImageFacts | undefined> {
  const found =
    (await askDocker(engine, 'GET', `/images/${image}/json`)) ??
    (await callEngine(engine, ['image', 'inspect', image]));
  if (found.exitCode !== 0) {
    if (/no such image|image not known|no such object|failed to find image/i.test(found.stderr)) return undefined;
    throw engineFailure(engine, `look for the image ${image}`, found);
  }
  const facts = readFacts(found.stdout.toString('utf8'));
  if (facts !== undefined) return facts;
  throw new IronError('E_BACKEND', {
    message: `${engine.kind} gives no id and platform for the image ${image}`,
    hint: `see what \`${engine.kind} image inspect\` says of it`,
  });
}

function readFacts(text: string): ImageFacts | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const data = Facts.safeParse(Array.isArray(value) ? value[0] : value).data;
  if (data === undefined) return undefined;
  const labels = data.Config?.Labels ?? {};
  const inputs = labels[IMAGE_LABELS.inputs] ?? '';
  const agent = labels[IMAGE_LABELS.tier] === 'agent' ? labels[IMAGE_LABELS.agent] : undefined;
  const searchPath = (data.Config?.Env ?? []).find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  return {
    id: data.Id.replace('sha256:', ''),
    platform: `${data.Os}/${data.Architecture}`,
    inputs,
    ...(agent === undefined ? {} : { agent }),
    searchPath,
  };
}
