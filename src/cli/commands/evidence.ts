// `evidence`: all that is known of a run, on one clock: shown, kept as a file that can be checked offline, or handed to other tools.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { count } from '../change-rows.ts';
import type { Command, Opened, Session } from '../command.ts';
import type { EvidenceCheck, EvidenceRequest } from '../evidence-library.ts';
import { castOf, evidenceRows } from '../evidence-rows.ts';
import { targetCage } from '../target-cage.ts';
import { isRunId } from '../target-run.ts';
import { usageError } from '../usage-error.ts';

const FORMATS = ['jsonl', 'har', 'cast', 'otlp'] as const;

export const evidence: Command = {
  kind: 'command',
  name: 'evidence',
  summary: 'show or keep all that is known of a run on one clock',
  notes: [
    'What the agent thought, said and called, what left the cage and what was refused, messages, commits, tokens and cost. In the file each line is bound to the one before by its hash, and values of secrets are not in it. Text of agents, messages and commits is their word for what they did; traffic is what was seen from outside.',
    'Formats: jsonl, the file that --verify checks; har, the traffic; cast, a recording for asciinema; otlp, traces for the collector at OTEL_EXPORTER_OTLP_ENDPOINT, without any text of prompts or answers.',
    'With --verify the exit code is 1 when something is not in order.',
  ],
  arguments: [
    {
      name: 'RUN|CAGE|FILE',
      summary: 'a run; all runs of a cage; with --verify a file. Default: the current project’s cage',
      required: false,
    },
  ],
  options: [
    { name: 'output', short: 'o', value: 'FILE', summary: 'write it there' },
    { name: 'format', value: 'FORMAT', choices: FORMATS, summary: 'of what is written; default: jsonl' },
    {
      name: 'verify',
      conflicts: ['output', 'format'],
      summary: 'check the chain of a file, or of what would be written now',
    },
  ],
  examples: [
    { line: 'ironcage evidence', does: 'the timeline of this project’s cage' },
    { line: 'ironcage evidence r-20261130-a1b2c3 -o run.jsonl', does: 'keep a run' },
    { line: 'ironcage evidence run.jsonl --verify', does: 'check the file, on any machine' },
    { line: 'ironcage evidence shop --format cast -o run.cast', does: 'a recording: asciinema play run.cast' },
    { line: 'ironcage evidence shop --format otlp', does: 'send it to a collector' },
  ],
  handler: async ({ word, flags }, session) => {
    const opened = await session.open();
    const { library, context } = opened;
    const { output } = session;
    const named = word('RUN|CAGE|FILE');
    if (flags.on('verify')) {
      const file = named === undefined ? undefined : resolve(session.cwd, named);
      const isFile = named !== undefined && /[./]/.test(named) && file !== undefined && existsSync(file);
      const check = isFile
        ? await library.verifyEvidence(file)
        : await library.checkEvidence(context, await requestOf(opened, session, named));
      return showCheck(check, session);
    }
    const request = await requestOf(opened, session, named);
    const file = flags.text('output');
    const format = flags.text('format');
    if (format === 'otlp') {
      if (file !== undefined) throw usageError('traces go to a collector and to no file', { hint: 'leave -o out' });
      const sent = await library.exportTraces(context, request);
      if (output.json) output.document(sent);
      else output.note(`${count(sent.spans, 'span')} sent to ${sent.endpoint}`);
      return 0;
    }
    if (file !== undefined) return keep(opened, session, request, file, format ?? 'jsonl');
    switch (format ?? (output.json ? 'jsonl' : 'timeline')) {
      case 'har':
        for await (const piece of library.harOfCage(context, request.cage, await spanOf(opened, request)))
          await output.piece(piece);
        return 0;
      case 'cast':
        for await (const piece of castOf(library.collectEvidence(context, request))) await output.piece(piece);
        return 0;
      case 'jsonl':
        for await (const line of library.evidenceLines(context, request)) await output.piece(line);
        return 0;
      default:
        for await (const entry of library.collectEvidence(context, request)) {
          for (const row of evidenceRows(entry, output.columns)) output.line(...row);
          await output.drained();
        }
        return 0;
    }
  },
};

/** A run by its id, else all runs of a cage. */
async function requestOf(opened: Opened, session: Session, named: string | undefined): Promise<EvidenceRequest> {
  const { library, context } = opened;
  if (named !== undefined && isRunId(named) && !library.cageExists(context, named)) {
    const { id, cage } = await library.findRun(context, named);
    return { cage, run: id };
  }
  return { cage: await targetCage(opened, session, named) };
}

async function keep(
  { library, context }: Opened,
  { output }: Session,
  request: EvidenceRequest,
  file: string,
  format: string,
): Promise<number> {
  const opened = { library, context };
  if (format === 'har') {
    const entries = await library.writeHar(context, request.cage, file, await spanOf(opened, request));
    if (output.json) output.document({ ...request, file, format, entries });
    else output.note(`${count(entries, 'exchange')} in ${file}`);
  } else if (format === 'cast') {
    await library.writeText(context, file, castOf(library.collectEvidence(context, request)));
    if (output.json) output.document({ ...request, file, format });
    else output.note(`play it: asciinema play ${file}`);
  } else {
    const written = await library.writeEvidence(context, request, file);
    if (output.json) output.document({ ...request, file, format, ...written });
    else output.note(`${count(written.records, 'record')} in ${file}, the last with the hash ${written.head}`);
  }
  return 0;
}

/** From the beginning to the end of what is asked for: HAR has no other bounds. */
async function spanOf(
  { library, context }: Opened,
  { run }: EvidenceRequest,
): Promise<{ sinceMs?: number; untilMs?: number }> {
  if (run === undefined) return {};
  const { startedAt, endedAt } = await library.findRun(context, run);
  return { sinceMs: Date.parse(startedAt), ...(endedAt !== null && { untilMs: Date.parse(endedAt) + 1 }) };
}

function showCheck(check: EvidenceCheck, { output }: Session): number {
  if (output.json) output.document(check);
  else if (check.ok) {
    output.line(
      ['green', 'in order'],
      `: ${count(check.records, 'record')} of ${check.cage}, ${check.auditRecords} of its traffic`,
    );
    output.line(['dim', `the last has the hash ${check.head}`]);
  } else
    output.line(
      ['red', 'not in order'],
      check.line === 0 ? `: ${check.reason}` : `: line ${check.line}: ${check.reason}`,
    );
  return check.ok ? 0 : 1;
}
