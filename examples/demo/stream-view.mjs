// Shows the agent's `--output-format stream-json` as a person wants to read it. What comes from the cage may carry terminal
// control sequences: every line goes through `printable`.

const RESULT_LINES = 6;
const LINE_CHARACTERS = 150;

/** @returns {(line: string) => void} takes one line of the stream at a time; `seen` collects what expectations need. */
export function createStreamView(print, printable, seen) {
  const show = (prefix, text, lines = RESULT_LINES) => {
    const all = text.trimEnd().split('\n');
    for (const line of all.slice(0, lines)) {
      const safe = printable(line).replaceAll('\t', '  ');
      print(`${prefix}${safe.length > LINE_CHARACTERS ? `${safe.slice(0, LINE_CHARACTERS)}…` : safe}`);
    }
    if (all.length > lines) print(`${prefix}… ${all.length - lines} more lines`);
  };
  // Results come after all calls of a turn: each call is shown with its result.
  const calls = new Map();
  return (line) => {
    let event;
    try {
      event = JSON.parse(line);
    } catch {
      // Not of the stream: the agent said something on its own.
      show('  ', line);
      return;
    }
    if (event.type === 'system' && event.subtype === 'init') {
      seen.version = event.claude_code_version;
      show('● ', `Claude Code ${event.claude_code_version ?? ''}, ${event.permissionMode}, in ${event.cwd}`);
    } else if (event.type === 'assistant') {
      for (const block of event.message.content) {
        if (block.type === 'text') show('● ', block.text);
        if (block.type === 'tool_use') calls.set(block.id, `${block.name}: ${shortInput(block.input)}`);
      }
    } else if (event.type === 'user') {
      for (const block of event.message.content) {
        if (block.type !== 'tool_result') continue;
        const text = resultText(block);
        seen.results.push(text);
        show('  ▸ ', calls.get(block.tool_use_id) ?? 'a tool', 1);
        show('      ', text === '' ? '(nothing)' : text);
      }
    } else if (event.type === 'result') {
      seen.finished = event.subtype === 'success' && event.is_error !== true;
      show('● ', `${event.subtype} after ${event.num_turns} turns`);
    }
  };
}

function shortInput(input) {
  if (typeof input.description === 'string') return input.description;
  return String(input.file_path ?? JSON.stringify(input));
}

function resultText(block) {
  if (typeof block.content === 'string') return block.content;
  if (!Array.isArray(block.content)) return '';
  return block.content.map((part) => part.text ?? '').join('');
}
