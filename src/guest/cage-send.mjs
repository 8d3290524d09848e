// `cage-send TYPE JSON`: a message to whoever is outside of the cage.
import { parseArgs } from 'node:util';
import { exampleOf, send } from './bus-client.mjs';
import { MESSAGE_TYPES, typesFrom } from './message-types.mjs';

const USAGE = [
  'usage: cage-send TYPE JSON [--reply-to ID]',
  'JSON is the payload; - reads it from standard input. Prints the id of the message.',
  'types:',
  ...typesFrom('cage').map((type) => `  ${type.padEnd(16)} ${MESSAGE_TYPES[type].summary}`),
  exampleOf(''),
].join('\n');

try {
  const { values, positionals } = parseArgs({
    options: { 'reply-to': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  const [type, given, ...rest] = positionals;
  if (values.help) console.log(USAGE);
  else if (type === undefined || given === undefined || rest.length > 0) {
    console.error(type === undefined ? USAGE : `cage-send: one type and one payload, in quotes\n${exampleOf(type)}`);
    process.exitCode = 2;
  } else {
    const id = send(type, parse(type, given === '-' ? await readInput() : given), { replyTo: values['reply-to'] });
    console.log(`sent ${type} ${id}`);
  }
} catch (error) {
  console.error(`cage-send: ${error.message}`);
  process.exitCode = 2;
}

function parse(type, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`not sent: the payload is no JSON: ${error.message}\n${exampleOf(type)}`, { cause: error });
  }
}

async function readInput() {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
  return text;
}
