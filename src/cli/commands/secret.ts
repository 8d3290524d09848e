// `secret`: values that stay outside of every cage. A value comes from a hidden prompt or stdin, never from argv, and
// is never printed, not even in an error.
import type { ArgumentSpec, Command, CommandGroup, Invocation, Opened, OptionSpec, Session } from '../command.ts';
import { readHidden, readPiped } from '../prompt.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

const CAGE: ArgumentSpec = { name: 'CAGE', summary: 'only for this cage; default: for all', required: false };
const NAME: ArgumentSpec = { name: 'NAME', summary: 'as in the environment: ANTHROPIC_API_KEY', required: true };
const CAGE_OPTION: OptionSpec = { name: 'cage', value: 'CAGE', summary: 'only for this cage' };
const MAX_VALUE_BYTES = 64 * 1024;

const set: Command = {
  kind: 'command',
  name: 'secret set',
  summary: 'store the value of a secret',
  notes: ['The value is asked for without echo, or read from stdin. It is never taken from the command line.'],
  arguments: [CAGE, NAME],
  options: [
    CAGE_OPTION,
    {
      name: 'host',
      value: 'HOST',
      repeatable: true,
      summary: 'exact host that may get it; default: what is known of NAME',
    },
    { name: 'header', value: 'HEADER', summary: 'header that carries it; default: what is known of NAME, else Bearer' },
  ],
  examples: [
    { line: 'ironcage secret set ANTHROPIC_API_KEY', does: 'asks for the key' },
    {
      line: 'pass show shop/token | ironcage secret set SHOP_TOKEN --host api.example.com',
      does: 'from a pipe; only api.example.com gets it',
    },
  ],
  handler: async (invocation, session) => {
    const name = invocation.word('NAME') ?? '';
    refuseValueInName(name);
    const opened = await session.open();
    const cage = await scopeOf(opened, session, invocation);
    const value = session.interactive
      ? await readHidden(session, `value of ${name}:`)
      : (await readPiped(session.stdin, MAX_VALUE_BYTES + 2)).replace(/\r?\n$/, '');
    if (value === '') {
      throw usageError(`no value for ${name} was given`, {
        because: 'the input was empty',
        hint: `type it at the prompt, or pipe it in: ironcage secret set ${name} < file`,
      });
    }
    const hosts = invocation.flags.list('host');
    const header = invocation.flags.text('header');
    await opened.library.secretSet(opened.context, {
      name,
      value,
      ...(cage === undefined ? {} : { cage }),
      ...(hosts.length === 0 ? {} : { hosts }),
      ...(header === undefined ? {} : { header }),
    });
    if (session.output.json) session.output.document({ name, cage: cage ?? null, stored: true });
    else session.output.note(`stored ${name}${cage === undefined ? '' : ` for ${cage}`}`);
    return 0;
  },
};

const list: Command = {
  kind: 'command',
  name: 'secret list',
  summary: 'list the secrets: names and hosts, never values',
  arguments: [CAGE],
  options: [CAGE_OPTION],
  examples: [{ line: 'ironcage secret list', does: 'what is stored, and where each may go' }],
  handler: async (invocation, session) => {
    const { output } = session;
    const opened = await session.open();
    const cage = await scopeOf(opened, session, invocation);
    const secrets = await opened.library.secretList(opened.context, cage);
    if (output.json) output.document(secrets);
    else if (secrets.length === 0) output.note('no secret is stored; ironcage secret set NAME stores one');
    else {
      const rows = secrets.map(({ name, hosts, createdAt }) => [name, hosts.join(', '), createdAt]);
      output.table([['NAME', 'HOSTS', 'CREATED'], ...rows]);
    }
    return 0;
  },
};

const rm: Command = {
  kind: 'command',
  name: 'secret rm',
  summary: 'forget a secret',
  arguments: [CAGE, NAME],
  options: [CAGE_OPTION],
  examples: [{ line: 'ironcage secret rm SHOP_TOKEN', does: 'take it out of the store' }],
  handler: async (invocation, session) => {
    const name = invocation.word('NAME') ?? '';
    const opened = await session.open();
    const cage = await scopeOf(opened, session, invocation);
    await opened.library.secretRemove(opened.context, name, cage);
    if (session.output.json) session.output.document({ name, cage: cage ?? null, removed: true });
    else session.output.note(`removed ${name}`);
    return 0;
  },
};

export const secret: CommandGroup = {
  kind: 'group',
  name: 'secret',
  summary: 'keep secrets outside of every cage',
  commands: [set, list, rm],
};

/** The cage that was named; undefined: the secret is for all cages. */
async function scopeOf(opened: Opened, session: Session, { word, flags }: Invocation): Promise<string | undefined> {
  const named = flags.text('cage') ?? word('CAGE');
  return named === undefined ? undefined : targetCage(opened, session, named);
}

/** `NAME=value` would end up in an error text of the store: it is refused here, without repeating it. */
function refuseValueInName(name: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) return;
  throw usageError('that is not the name of a secret', {
    because: 'a name has letters, digits and underscores; a value is never taken from the command line',
    hint: 'ironcage secret set NAME, then type the value or pipe it in',
  });
}
