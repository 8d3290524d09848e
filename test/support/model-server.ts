// The demo's scripted model, for tests: one server that is run by both cannot drift from what the real client needs.
export { startModelServer, type ModelServer, type ModelStep } from '../../examples/demo/model-server.mjs';
