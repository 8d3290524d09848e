// An image with nothing in it: no file, no variable, no volume, no check of its health. What has rights on this machine for its
// start, as a gate has, must stand on no image of somebody else's, whose variables and volumes would choose what it runs.
import { z } from 'zod';
import { parseJson } from '../../platform/json.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';

const NAME = 'localhost/ironcage-empty:1';

/** End of a tar archive, and all of this one. */
const EMPTY_TAR = new Uint8Array(1024);

/** SHA-256 of that. */
export const EMPTY_LAYER = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

const nothing = z.union([z.null(), z.array(z.unknown()).length(0), z.record(z.string(), z.never())]).optional();
const Facts = z.tuple([
  z.object({
    Id: z.string().regex(/^(?:sha256:)?[0-9a-f]{64}$/),
    RootFS: z.object({ Layers: z.tuple([z.literal(EMPTY_LAYER)]) }),
    Config: z.object({ Env: nothing, Volumes: nothing, Healthcheck: nothing }).nullish(),
  }),
]);

/** Its id; made where there is none, or where another image has its name. Throws E_BACKEND. */
export async function requireEmptyImage(engine: Engine): Promise<string> {
  const found = await callEngine(engine, ['image', 'inspect', NAME]);
  const id = found.exitCode === 0 ? emptyImageId(found.stdout.toString('utf8')) : undefined;
  if (id !== undefined) return id;
  const made = await callEngine(engine, ['import', '-', NAME], { input: EMPTY_TAR });
  if (made.exitCode !== 0) throw engineFailure(engine, 'make an empty image', made);
  return made.stdout.toString('utf8').trim();
}

/** Of what an engine says of one image; undefined when there is anything in it. */
export function emptyImageId(text: string): string | undefined {
  return Facts.safeParse(parseJson(text)).data?.[0].Id;
}
