// A model of the Gemini API that follows a script, so that the real Gemini CLI can be run with no account and no internet.
// It keeps which key each request bore. It understands as much of the API as Gemini CLI uses; it is no reference for it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorld, startOrigin } from '../integration/egress-rig.ts';

const HOST = 'generativelanguage.googleapis.com';

/** What it asks a small model beforehand: which one the prompt is for. */
const ROUTED = JSON.stringify({ complexity_reasoning: 'a small task', complexity_score: 10 });

export interface GeminiStep {
  thought?: string;
  text?: string;
  /** Tools that it calls, in the words of Gemini CLI. */
  calls?: readonly { name: string; args: Record<string, unknown> }[];
}

export interface GeminiServer {
  /** `METHOD PATH` of every request, with whether it bore the key. */
  requests: readonly { what: string; authenticated: boolean; body: string }[];
  /** The value of a --route option that leads the API's host here. */
  route: string;
  close(): Promise<void>;
}

export async function startGeminiServer(apiKey: string, script: readonly GeminiStep[]): Promise<GeminiServer> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-gemini-'));
  const world = await createWorld();
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const requests: { what: string; authenticated: boolean; body: string }[] = [];
  const origin = await startOrigin(world, HOST, (request, response) => {
    void readAll(request).then((body) => {
      const authenticated = request.headers['x-goog-api-key'] === apiKey;
      requests.push({ what: `${request.method} ${request.url}`, authenticated, body });
      answer(request.url ?? '', body, authenticated, response, script);
    });
  });
  return {
    requests,
    route: `${HOST}=127.0.0.1:${origin.port},ca=${caFile}`,
    async close() {
      await origin.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function answer(
  url: string,
  body: string,
  authenticated: boolean,
  response: ServerResponse,
  script: readonly GeminiStep[],
): void {
  const json = (status: number, value: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
  if (!authenticated)
    return json(400, { error: { code: 400, message: 'API key not valid', status: 'INVALID_ARGUMENT' } });
  const verb = /:(\w+)(?:\?|$)/.exec(url)?.[1];
  if (verb === 'countTokens') return json(200, { totalTokens: 10 });
  const call: unknown = JSON.parse(body);
  if (verb === 'generateContent') return json(200, chunk([{ text: ROUTED }], true));
  if (verb !== 'streamGenerateContent')
    return json(404, { error: { code: 404, message: 'not here', status: 'NOT_FOUND' } });
  const step = script[answeredCalls(call)] ?? { text: 'Done.' };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (parts: unknown[], last: boolean): void => {
    response.write(`data: ${JSON.stringify(chunk(parts, last))}\r\n\r\n`);
  };
  if (step.thought !== undefined) send([{ text: step.thought, thought: true }], false);
  for (const piece of (step.text ?? '').match(/[^]{1,12}/g) ?? []) send([{ text: piece }], false);
  send(
    (step.calls ?? []).map((functionCall) => ({ functionCall })),
    true,
  );
  response.end();
}

/** How often the model has called something and was answered: so far the script has come. */
function answeredCalls(call: unknown): number {
  const contents = isRecord(call) && Array.isArray(call['contents']) ? call['contents'].filter(isRecord) : [];
  return contents.filter(
    ({ parts }) => Array.isArray(parts) && parts.some((part) => isRecord(part) && 'functionResponse' in part),
  ).length;
}

function chunk(parts: readonly unknown[], last: boolean): unknown {
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, ...(last && { finishReason: 'STOP' }) }],
    ...(last && {
      usageMetadata: {
        promptTokenCount: 100,
        candidatesTokenCount: 20,
        cachedContentTokenCount: 40,
        thoughtsTokenCount: 5,
        totalTokenCount: 125,
      },
    }),
    modelVersion: 'gemini-2.5-pro',
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}
