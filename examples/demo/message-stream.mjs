// One model answer as the Anthropic API streams it: server-sent events, text and tool input in small pieces.

const DELTA_CHARACTERS = 24;

/** The message as the API streams it: each block opened, sent in pieces, closed. */
export function streamMessage(response, message) {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  const send = (event) => response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  const usage = { ...message.usage, output_tokens: 1 };
  send({ type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } });
  send({ type: 'ping' });
  message.content.forEach((block, index) => {
    const { opened, text, delta } = asStreamed(block);
    send({ type: 'content_block_start', index, content_block: opened });
    for (const piece of pieces(text)) send({ type: 'content_block_delta', index, delta: delta(piece) });
    if (block.type === 'thinking') {
      send({ type: 'content_block_delta', index, delta: { type: 'signature_delta', signature: block.signature } });
    }
    send({ type: 'content_block_stop', index });
  });
  send({
    type: 'message_delta',
    delta: { stop_reason: message.stop_reason, stop_sequence: null },
    usage: { output_tokens: message.usage.output_tokens },
  });
  send({ type: 'message_stop' });
  response.end();
}

/** A block as it is opened, and how its text comes in pieces. */
function asStreamed(block) {
  if (block.type === 'text') {
    const delta = (text) => ({ type: 'text_delta', text });
    return { opened: { type: 'text', text: '' }, text: block.text, delta };
  }
  if (block.type === 'thinking') {
    const delta = (thinking) => ({ type: 'thinking_delta', thinking });
    return { opened: { type: 'thinking', thinking: '', signature: '' }, text: block.thinking, delta };
  }
  const delta = (json) => ({ type: 'input_json_delta', partial_json: json });
  return { opened: { ...block, input: {} }, text: JSON.stringify(block.input), delta };
}

function* pieces(text) {
  // By characters, not by UTF-16 units: half a surrogate pair does not survive the encoding.
  const characters = [...text];
  for (let at = 0; at < characters.length; at += DELTA_CHARACTERS)
    yield characters.slice(at, at + DELTA_CHARACTERS).join('');
}
