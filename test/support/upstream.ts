// A server of the outside world on loopback, reached by a cage through --route: real TLS under an authority of its own,
// and a record of every request that arrived, which is how a test knows that something did not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorld, startOrigin } from '../integration/egress-rig.ts';

interface Arrival {
  method: string;
  url: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: string;
}

export interface Upstream {
  arrivals: readonly Arrival[];
  /** The value of a --route option that leads a host here. */
  route(host: string): string;
  close(): Promise<void>;
}

/** Answers every request for `host` with what arrived, as JSON. */
export async function startUpstream(host: string): Promise<Upstream> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-upstream-'));
  const world = await createWorld();
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const arrivals: Arrival[] = [];
  const origin = await startOrigin(world, host, (request, response) => {
    const arrive = (body: string): void => {
      const arrival = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      arrivals.push(arrival);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ arrived: true, ...arrival }));
    };
    // A request that was cut off has not arrived.
    readAll(request).then(arrive, () => undefined);
  });
  return {
    arrivals,
    route: (name) => `${name}=127.0.0.1:${origin.port},ca=${caFile}`,
    async close() {
      await origin.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
