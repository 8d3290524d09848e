// Decisions as functions: what may leave the cage, and what the agent is told when it asks.
// node decide.js DIRECTORY AGENT PROMPT [ROUTE…]
import {
  approvals,
  followRun,
  hostEnvironment,
  launchRun,
  openContext,
  pollMessages,
  printableLine,
  sendMessage,
  type ApprovalAnswer,
  type Message,
  type WaitingRequest,
} from 'ironcage';

/** `once` and `deny` are for this request; `cage` and `deny-cage` are rules from now on. */
function mayPass({ method, url }: WaitingRequest): ApprovalAnswer {
  return method === 'GET' && url.startsWith('https://shop.example/') ? 'once' : 'deny';
}

function answerTo({ payload }: Message): string {
  return String(payload['text']).includes('Which') ? 'The second one.' : 'Decide yourself, and say why.';
}

const [directory, agent = 'claude', prompt = 'Read the shop’s list of prices.', ...routes] = process.argv.slice(2);
const context = openContext({ environment: hostEnvironment() });
const run = await launchRun(context, { directory, agent, prompt, options: { net: 'ask', routes } });
const ended = new AbortController();

async function decideRequests(): Promise<void> {
  for await (const event of approvals(context, run.cage, ended.signal)) {
    if (event.event !== 'asked') continue;
    const answer = mayPass(event.request);
    // Somebody else may have been faster.
    const { ok } = await event.answer(answer);
    if (ok) console.log(`${answer}: ${event.request.method} ${event.request.url}`);
  }
}

async function answerQuestions(): Promise<void> {
  for await (const event of pollMessages(context, run.cage, { signal: ended.signal })) {
    if (event.event !== 'message' || event.message.type !== 'question') continue;
    const text = answerTo(event.message);
    await sendMessage(context, run.cage, 'answer', { text }, { replyTo: event.message.id });
    console.log(`asked: ${printableLine(String(event.message.payload['text']))} answered: ${text}`);
  }
}

async function followToItsEnd(): Promise<void> {
  for await (const told of followRun(context, run.id)) {
    if (told.kind === 'event' && told.event.type === 'text') console.log(`told: ${printableLine(told.event.text)}`);
  }
  ended.abort();
}

await Promise.all([followToItsEnd(), decideRequests(), answerQuestions()]);
