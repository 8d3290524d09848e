// `inbox`: sends a message to the agent in a cage.
import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { resolve } from 'node:path';
import type { Command, Invocation, Session } from '../command.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

export const inbox: Command = {
  kind: 'command',
  name: 'inbox',
  summary: 'send a message to the agent in a cage',
  notes: [
    'Types: answer {"text"}, task_revision {"instructions"}, info_response {"request_id", "content", "files"?}, ack {"acked_id"}.',
    'What is no JSON object is taken as the text of the message. Prints its id.',
  ],
  arguments: [
    { name: 'CAGE', summary: 'whose agent', required: true },
    { name: 'TYPE', summary: 'answer, task_revision, info_response or ack', required: true },
    { name: 'JSON', summary: 'the payload, or its text', required: false },
  ],
  options: [
    { name: 'payload-file', value: 'F', summary: 'the payload, or its text, from a file; - for standard input' },
    { name: 'reply-to', value: 'ID', summary: 'the message that this answers, by its id or number' },
  ],
  examples: [
    { line: 'ironcage inbox shop answer "PostgreSQL" --reply-to 12', does: 'answer question 12' },
    { line: `ironcage inbox shop task_revision '{"instructions":"Add a test"}'`, does: 'ask for more' },
    { line: 'ironcage inbox shop task_revision --payload-file review.md', does: 'the same, from a file' },
  ],
  handler: async ({ word, flags }: Invocation, session: Session) => {
    const [type = '', given, file] = [word('TYPE'), word('JSON'), flags.text('payload-file')];
    if ((given === undefined) === (file === undefined)) {
      throw usageError(given === undefined ? 'the message has no payload' : 'the message has two payloads', {
        hint: 'write the payload behind the type, or name a file with --payload-file',
      });
    }
    const opened = await session.open();
    const { library, context } = opened;
    const cage = await targetCage(opened, session, word('CAGE'));
    const text =
      given ?? (file === '-' ? await readAll(session.stdin) : readFileSync(resolve(session.cwd, file ?? ''), 'utf8'));
    const payload = await library.payloadOfText(type, text);
    const sent = await library.sendMessage(context, cage, type, payload, { replyTo: flags.text('reply-to') });
    if (session.output.json) session.output.document(sent);
    else session.output.line(sent.id);
    return 0;
  },
};
