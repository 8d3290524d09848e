// Reads what an engine answers about an image.
import { z } from 'zod';
import { parseJson } from '../../platform/json.ts';
import { IMAGE_LABELS, type ImageFacts } from './image-labels.ts';

// The whole document: the two engines name its fields alike, and the fields of their templates not.
const Facts = z.object({
  Id: z.string().regex(/^(?:sha256:)?[0-9a-f]{64}$/),
  Os: z.string().regex(/^[a-z0-9]+$/),
  Architecture: z.string().regex(/^[a-z0-9]+$/),
  Config: z
    .object({ Labels: z.record(z.string(), z.string()).nullish(), Env: z.array(z.string()).nullish() })
    .nullish(),
});

/** Undefined where it is not about an image. */
export function readImageFacts(text: string): ImageFacts | undefined {
  const value = parseJson(text);
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
