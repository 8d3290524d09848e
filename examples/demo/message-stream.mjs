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
    const isText = block.type === 'text';
    send({
      type: 'content_block_start',
      index,
      content_block: isText ? { type: 'text', text: '' } : { ...block, input: {} },
    });
    for (const piece of pieces(isText ? block.text : JSON.stringify(block.input))) {
      const delta = isText ? { type: 'text_delta', text: piece } : { type: 'input_json_delta', partial_json: piece };
      send({ type: 'content_block_delta', index, delta });
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

function* pieces(text) {
  // By characters, not by UTF-16 units: half a surrogate pair does not survive the encoding.
  const characters = [...text];
  for (let at = 0; at < characters.length; at += DELTA_CHARACTERS)
    yield characters.slice(at, at + DELTA_CHARACTERS).join('');
}
