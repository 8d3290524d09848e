// `backup`: a cage as one file. Values of secrets come along only when that is said, and then encrypted.
import type { Command } from '../command.ts';
import { PASSPHRASE_OPTION, readPassphrase } from '../passphrase.ts';
import { sizeText } from '../size-text.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

const NAMED = 10;

export const backup: Command = {
  kind: 'command',
  name: 'backup',
  summary: 'write a cage into one file that can be restored anywhere',
  notes: [
    'Its work and base, further directories, home, rules and settings. Not the record, no keys, and no secret unless you say so.',
    'The file is readable by you alone. What runs in the cage stands still meanwhile. Its snapshots do not come along.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    {
      name: 'output',
      short: 'o',
      value: 'FILE',
      summary: 'file, or directory for it; default: ./CAGE-TIME.ironcage.tar.gz',
    },
    { name: 'include-secrets', summary: 'values of its secrets too, encrypted under a passphrase' },
    PASSPHRASE_OPTION,
    { name: 'force', summary: 'write over a file that is there' },
  ],
  examples: [
    { line: 'ironcage backup shop', does: 'into the current directory' },
    { line: 'ironcage backup shop -o /mnt/backups', does: 'into another one, under a name with the time' },
    { line: 'ironcage backup shop --include-secrets', does: 'with the values of its secrets; asks for a passphrase' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    if (flags.text('passphrase-file') !== undefined && !flags.on('include-secrets')) {
      throw usageError('--passphrase-file without --include-secrets', {
        hint: 'add --include-secrets, or leave it out',
      });
    }
    const opened = await session.open();
    const name = await targetCage(opened, session, word('CAGE'));
    const passphrase = flags.on('include-secrets') ? await readPassphrase(flags, session, { isNew: true }) : undefined;
    const file = flags.text('output');
    const force = flags.on('force');
    const outcome = await opened.library.backupCage(opened.context, name, { file, force, passphrase });
    if (output.json) {
      output.document(outcome);
      return 0;
    }
    const { leftOut, secrets } = outcome;
    output.line(outcome.file);
    for (const { path, reason } of leftOut.slice(0, NAMED))
      output.note(['yellow', 'left out'], `: ${path} (${reason})`);
    if (leftOut.length > NAMED) output.note(`and ${leftOut.length - NAMED} more; --json names all`);
    output.note(`${outcome.entries.toLocaleString('en')} files and directories, ${sizeText(outcome.bytes)}`);
    if (secrets.length > 0) output.note(`with the values of ${secrets.join(', ')}, encrypted`);
    return 0;
  },
};
