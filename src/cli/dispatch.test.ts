import { expect, test } from 'vitest';
import { runCli, VIEW, type Call } from '../../test/support/cli-host.ts';
import { IronError } from '../platform/errors.ts';

const NO_OPTIONS = { allow: [], policies: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [] };
const RUN_SWITCHES = { fresh: false, remove: false, terminal: false };

interface Row {
  argv: string;
  calls: Call[];
  exitCode?: number;
}

/** Words are split at spaces; `_` inside a word stands for a space. */
const ROWS: Row[] = [
  {
    argv: 'run claude',
    calls: [['runAgent', { agent: 'claude', args: [], options: { ...NO_OPTIONS, agent: 'claude', ...RUN_SWITCHES } }]],
    exitCode: 3,
  },
  {
    argv: 'run claude ../x --allow npm --allow GET_a.example/v1/** --secret A --net none --rm --new -- -p hi --json',
    calls: [
      [
        'runAgent',
        {
          agent: 'claude',
          directory: '../x',
          args: ['-p', 'hi', '--json'],
          options: {
            ...NO_OPTIONS,
            agent: 'claude',
            allow: ['npm', 'GET a.example/v1/**'],
            secrets: ['A'],
            net: 'none',
            fresh: true,
            remove: true,
            terminal: false,
          },
        },
      ],
    ],
    exitCode: 3,
  },
  { argv: 'run shell --dry-run', calls: [['planCage', undefined, { ...NO_OPTIONS, agent: 'shell' }]] },
  { argv: 'run claude --no-attach', calls: [['startCage', 'shop-1']] },
  { argv: 'create', calls: [['createCage', undefined, NO_OPTIONS]] },
  {
    argv: 'create ~/shop --name s --workspace mount --env A=b --env-file f --mount /a:/b:ro --route h=1.2.3.4:5 --memory 4g --pids 9 --cpus 2 --ssh none --no-attach',
    calls: [
      [
        'createCage',
        '~/shop',
        {
          ...NO_OPTIONS,
          name: 's',
          workspace: 'mount',
          env: ['A=b'],
          envFiles: ['f'],
          mounts: ['/a:/b:ro'],
          routes: ['h=1.2.3.4:5'],
          memory: '4g',
          pids: '9',
          cpus: '2',
        },
      ],
    ],
  },
  { argv: 'start a', calls: [['startCage', 'a']] },
  { argv: 'stop', calls: [['stopCage', 'shop-1']] },
  { argv: 'restart a', calls: [['restartCage', 'a']] },
  {
    argv: 'rm a b a',
    calls: [
      ['listRuns', 'a'],
      ['removeCage', 'a', { discard: false }],
      ['listRuns', 'b'],
      ['removeCage', 'b', { discard: false }],
    ],
  },
  {
    argv: 'rm -y --discard',
    calls: [
      ['listRuns', 'shop-1'],
      ['removeCage', 'shop-1', { discard: true }],
    ],
  },
  { argv: 'list', calls: [] },
  { argv: 'show', calls: [] },
  { argv: 'exists shop-1', calls: [] },
  { argv: 'exists other', calls: [], exitCode: 1 },
  {
    argv: 'exec a --cwd /tmp --env A=b=c -- ls --json -la',
    calls: [['execInCage', 'a', { argv: ['ls', '--json', '-la'], cwd: '/tmp', env: { A: 'b=c' } }, 'inherit']],
    exitCode: 7,
  },
  { argv: 'exec -- ls', calls: [['execInCage', 'shop-1', { argv: ['ls'], env: {} }, 'inherit']], exitCode: 7 },
  { argv: 'shell a', calls: [['execInCage', 'a', { argv: ['/bin/bash', '-l'] }, 'inherit']], exitCode: 7 },
  { argv: 'diff', calls: [] },
  { argv: 'diff a --exit-code', calls: [], exitCode: 1 },
  {
    argv: 'apply a --yes',
    calls: [['applyCage', 'a', { target: 'working-tree', hostExecutable: 'refuse' }]],
  },
  {
    argv: 'apply --branch b -y --skip-host-executable',
    calls: [['applyCage', 'shop-1', { target: { branch: 'b' }, hostExecutable: 'leave-out' }]],
  },
  {
    argv: 'audit a --decision deny --host h --since 1h -f',
    calls: [
      [
        'auditCage',
        'a',
        { decision: ['deny'], host: ['h'], sinceMs: Date.parse('2026-11-21T11:00:00Z'), follow: true },
      ],
    ],
  },
  { argv: 'audit --verify', calls: [] },
  { argv: 'policy show', calls: [] },
  { argv: 'policy allow npm', calls: [['policyAllow', 'shop-1', ['npm']]] },
  { argv: 'policy allow npm pypi', calls: [['policyAllow', 'shop-1', ['npm', 'pypi']]] },
  { argv: 'policy allow shop-1 npm', calls: [['policyAllow', 'shop-1', ['npm']]] },
  { argv: 'policy allow --cage b shop-1 npm', calls: [['policyAllow', 'b', ['shop-1', 'npm']]] },
  { argv: 'policy allow shop-1', calls: [['policyAllow', 'shop-1', ['shop-1']]] },
  { argv: 'policy deny *.evil.example', calls: [['policyDeny', 'shop-1', ['*.evil.example']]] },
  { argv: 'policy rm a allow:x', calls: [['policyRemove', 'a', 'allow:x']] },
  { argv: 'policy rm allow:x', calls: [['policyRemove', 'shop-1', 'allow:x']] },
  { argv: 'policy test GET https://a.example/', calls: [['policyTest', 'shop-1', 'GET', 'https://a.example/']] },
  {
    argv: 'policy test b GET https://evil.example/',
    calls: [['policyTest', 'b', 'GET', 'https://evil.example/']],
    exitCode: 1,
  },
  {
    argv: 'policy test POST https://a.example/ --type text/plain --size 1MB',
    calls: [['policyTest', 'shop-1', 'POST', 'https://a.example/', 'text/plain', '1MB']],
  },
  { argv: 'secret list', calls: [['secretList', undefined]] },
  { argv: 'secret list a', calls: [['secretList', 'a']] },
  { argv: 'secret rm TOKEN', calls: [['secretRemove', 'TOKEN', undefined]] },
  { argv: 'secret rm a TOKEN', calls: [['secretRemove', 'TOKEN', 'a']] },
  { argv: 'verify a --attack', calls: [['verifyCage', 'a', { attack: true }]] },
  { argv: 'doctor --fix', calls: [['doctor', { fix: true }]] },
  { argv: 'agents list', calls: [] },
  { argv: 'agents show claude', calls: [] },
  { argv: 'agents create goose', calls: [['createAgent', 'goose', 'shell']] },
  { argv: 'agents create goose --from claude', calls: [['createAgent', 'goose', 'claude']] },
  { argv: 'agents edit goose', calls: [['editAgent', 'goose']] },
  { argv: 'agents export claude', calls: [] },
  { argv: 'agents rm goose', calls: [['removeAgent', 'goose']] },
  { argv: 'completion bash', calls: [] },
  { argv: 'version --json', calls: [] },
  { argv: '--json list', calls: [] },
  { argv: '--home h list', calls: [['openContext', '/work/shop/h']] },
  { argv: 'policy --home=/h show', calls: [['openContext', '/h']] },
  { argv: 'list --home /h', calls: [['openContext', '/h']] },
];

test.each(ROWS)('ironcage $argv asks the library for exactly this', async ({ argv, calls, exitCode = 0 }) => {
  const words = argv.split(' ').map((word) => (word.startsWith('GET_') ? word.replace('_', ' ') : word));
  const result = await runCli(words);
  expect(result.calls).toEqual(calls);
  expect(result.exitCode).toBe(exitCode);
});

const MISTAKES: [argv: string, code: string, exitCode: number, says: RegExp][] = [
  ['lst', 'E_USAGE', 2, /unknown command 'lst'[^]*did you mean list\?/],
  ['attach', 'E_USAGE', 2, /unknown command 'attach'/],
  ['constructor', 'E_USAGE', 2, /unknown command 'constructor'/],
  ['policy alow npm', 'E_USAGE', 2, /unknown command 'alow'[^]*did you mean allow\?/],
  ['policy', 'E_USAGE', 2, /needs one more word[^]*show, allow, deny, rm, test/],
  ['list --jsno', 'E_USAGE', 2, /unknown option '--jsno'[^]*did you mean --json\?/],
  ['--jsno list', 'E_USAGE', 2, /unknown option '--jsno'[^]*did you mean --json\?/],
  ['run', 'E_USAGE', 2, /missing AGENT/],
  ['run claude a b', 'E_USAGE', 2, /too many arguments: b[^]*behind --/],
  ['run claude -p hi', 'E_USAGE', 2, /unknown option '-p'[^]*stands behind --/],
  ['run claude --net fltered', 'E_USAGE', 2, /'fltered' is invalid[^]*allowed are filtered, ask, learn, open, none/],
  ['run claude --name', 'E_USAGE', 2, /argument missing/],
  ['run claude --rm --no-attach', 'E_USAGE', 2, /cannot be used with/],
  ['run claude --no-attach --allow npm', 'E_CAGE_EXISTS', 2, /--allow cannot change it/],
  ['exec a', 'E_USAGE', 2, /no CMD… was given/],
  ['exec a --', 'E_USAGE', 2, /no CMD… was given/],
  ['exec a ls', 'E_USAGE', 2, /too many arguments: ls/],
  ['exec a --env KEY -- ls', 'E_USAGE', 2, /--env needs NAME=VALUE/],
  ['exists', 'E_USAGE', 2, /missing CAGE/],
  ['policy test GET', 'E_USAGE', 2, /missing URL/],
  ['policy show a --cage b', 'E_USAGE', 2, /named twice/],
  ['audit --since soon', 'E_USAGE', 2, /--since cannot read soon/],
  ['audit -n 0', 'E_USAGE', 2, /-n cannot be 0/],
  ['secret set TOKEN=hunter22', 'E_USAGE', 2, /not the name of a secret/],
  ['secret set TOKEN', 'E_USAGE', 2, /no value for TOKEN/],
  ['agents show claud', 'E_NO_AGENT', 2, /there is no agent claud/],
  ['completion tcsh', 'E_USAGE', 2, /bash, zsh, fish/],
  ['--home= list', 'E_USAGE', 2, /--home is empty/],
  ['apply a', 'E_REFUSED', 126, /no terminal to ask/],
  ...['--ssh agent', '--ssh keys'].flatMap((option): [string, string, number, RegExp][] => [
    [`run claude ${option}`, 'E_USAGE', 2, /is not available yet in this version/],
    [`create ${option}`, 'E_USAGE', 2, /is not available yet in this version/],
  ]),
  ['create --rm', 'E_USAGE', 2, /is not available yet/],
  ['diff --all --dir lib', 'E_USAGE', 2, /--all/],
  ['add-dir', 'E_USAGE', 2, /PATH/],
];

test.each(MISTAKES)('ironcage %s is refused with %s and changes nothing', async (argv, code, exitCode, says) => {
  const result = await runCli(argv.split(' '));
  expect(result.stderr).toMatch(new RegExp(`^error\\[${code}\\]: .+\\nbecause: .+\\ntry: .+\\n$`));
  expect(result.stderr).toMatch(says);
  expect(result.stdout).toBe('');
  expect(result.exitCode).toBe(exitCode);
  expect(result.calls).toEqual([]);
});

test('a mistake under --json is one JSON document on stderr', async () => {
  const result = await runCli(['lst', '--json']);
  expect(JSON.parse(result.stderr)).toEqual({
    error: {
      code: 'E_USAGE',
      message: "unknown command 'lst'",
      because: 'ironcage has no such command',
      hint: 'did you mean list? (ironcage --help shows all)',
      details: {},
    },
  });
  expect(result.exitCode).toBe(2);
});

test('--json behind -- belongs to the agent and does not change our output', async () => {
  const result = await runCli(['exec', '--json-x', '--', 'x', '--json']);
  expect(result.stderr).toMatch(/^error\[E_USAGE\]/);
});

test('an unexpected throw is a bug: exit code 70, with its place only under --verbose', async () => {
  const library = {
    listCages: async () => {
      throw new TypeError('boom');
    },
  };
  const short = await runCli(['list'], { library });
  expect(short.exitCode).toBe(70);
  expect(short.stderr).toMatch(/^error\[E_BUG\]: this is a bug in ironcage: boom\n/);
  expect(short.stderr).not.toContain('dispatch.test.ts');
  const long = await runCli(['--verbose', 'list'], { library });
  expect(long.stderr).toContain('dispatch.test.ts');
});

test('the exit code and details of an error of the library are kept', async () => {
  const library = {
    startCage: async () => {
      throw new IronError('E_KERNEL', { message: 'no', because: 'why', hint: 'how', details: { setting: 'x' } });
    },
  };
  const result = await runCli(['start', '--json'], { library });
  expect(result.exitCode).toBe(125);
  expect(JSON.parse(result.stderr)).toEqual({
    error: { code: 'E_KERNEL', message: 'no', because: 'why', hint: 'how', details: { setting: 'x' } },
  });
});

test('progress goes to stderr and not with --quiet', async () => {
  const library = {
    openContext: (options: { progress?: (line: string) => void }) => {
      options.progress?.('copying');
      throw new IronError('E_IO', { message: 'stop here', hint: 'none' });
    },
  };
  expect((await runCli(['list'], { library })).stderr).toMatch(/^copying\n/);
  expect((await runCli(['list', '--quiet'], { library })).stderr).not.toContain('copying');
});

test('ironcage alone prints the help of every command', async () => {
  const bare = await runCli([]);
  const help = await runCli(['--help']);
  expect(bare).toEqual(help);
  expect(bare.exitCode).toBe(0);
  expect(bare.stdout).toContain('ironcage run claude');
});

test('ironcage help COMMAND is the help of the command', async () => {
  expect(await runCli(['help', 'policy', 'allow'])).toEqual(await runCli(['policy', 'allow', '--help']));
});

test('--version is understood beside other options', async () => {
  const result = await runCli(['--json', '--version']);
  expect(JSON.parse(result.stdout)).toHaveProperty('version');
});

test('list --json is the contract’s array', async () => {
  const { stdout } = await runCli(['list', '--json'], { library: { listCages: async () => [VIEW] } });
  expect(JSON.parse(stdout)).toMatchObject([{ name: 'shop-1', status: 'running', unexported: true }]);
});
