// Inference at Google's Gemini API with an API key. Files, caches, corpora, tuning, batches and the live socket are refused
// by absence; so is a key in the query, which belongs into its header.
import { allow, allowRead, type Bundle } from './bundle.ts';

const HOST = 'generativelanguage.googleapis.com';
const QUERY_BYTES = 256;
const VERSIONS = ['v1', 'v1beta'];
const VERBS = ['generateContent', 'streamGenerateContent', 'countTokens', 'embedContent', 'batchEmbedContents'];

export const googleAi: Bundle = {
  description: 'inference on generativelanguage.googleapis.com: contents, token counts, embeddings, models; no files',
  rules: VERSIONS.flatMap((version) => [
    ...VERBS.map((verb) =>
      allow(`google-ai:${version}:${verb}`, {
        host: HOST,
        methods: ['POST'],
        path: `/${version}/models/*:${verb}`,
        maxQueryBytes: QUERY_BYTES,
      }),
    ),
    allowRead(`google-ai:${version}:models`, HOST, `/${version}/models`, QUERY_BYTES),
    allowRead(`google-ai:${version}:model`, HOST, `/${version}/models/*`, QUERY_BYTES),
  ]),
};
