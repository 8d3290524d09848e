// Inference at OpenAI, over HTTP and, for responses, over WebSocket, as Codex does. Files, uploads, vector stores,
// fine-tuning, batches, containers, assistants and administration are refused by absence.
import { allow, allowRead, type Bundle } from './bundle.ts';

const HOST = 'api.openai.com';
const QUERY_BYTES = 256;

export const openai: Bundle = {
  description: 'inference on api.openai.com: responses, chat completions, embeddings, models; no files',
  rules: [
    inference('responses', '/v1/responses'),
    allow('openai:responses-socket', {
      host: HOST,
      methods: ['GET'],
      path: '/v1/responses',
      websocket: true,
      maxQueryBytes: QUERY_BYTES,
    }),
    inference('compact', '/v1/responses/compact'),
    inference('input-tokens', '/v1/responses/input_tokens'),
    inference('cancel', '/v1/responses/*/cancel'),
    allowRead('openai:response', HOST, '/v1/responses/*', QUERY_BYTES),
    inference('chat', '/v1/chat/completions'),
    inference('completions', '/v1/completions'),
    inference('embeddings', '/v1/embeddings'),
    inference('moderations', '/v1/moderations'),
    allowRead('openai:models', HOST, '/v1/models', QUERY_BYTES),
    allowRead('openai:model', HOST, '/v1/models/*', QUERY_BYTES),
  ],
};

function inference(name: string, path: string): Bundle['rules'][number] {
  return allow(`openai:${name}`, { host: HOST, methods: ['POST'], path, maxQueryBytes: QUERY_BYTES });
}
