// Inference at Anthropic. Files, batches, skills, administration and telemetry are refused by absence.
import { allow, allowRead, type Bundle } from './bundle.ts';

const HOST = 'api.anthropic.com';
const QUERY_BYTES = 256;

export const anthropic: Bundle = {
  description: 'inference on api.anthropic.com: messages, token counts, models; no files',
  rules: [
    inference('messages', '/v1/messages'),
    inference('count-tokens', '/v1/messages/count_tokens'),
    allowRead('anthropic:models', HOST, '/v1/models', QUERY_BYTES),
    allowRead('anthropic:model', HOST, '/v1/models/*', QUERY_BYTES),
    // What an organisation prescribes to its users' Claude Code: refusing to read it would switch it off.
    allowRead('anthropic:managed-settings', HOST, '/api/claude_code/settings', 0),
    allowRead('anthropic:policy-limits', HOST, '/api/claude_code/policy_limits', 0),
  ],
};

function inference(name: string, path: string): Bundle['rules'][number] {
  return allow(`anthropic:${name}`, { host: HOST, methods: ['POST'], path, maxQueryBytes: QUERY_BYTES });
}
