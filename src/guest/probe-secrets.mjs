// What a cage knows: placeholders where values would be, the public half of its authority, and nothing of the caller's.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { converse, dial, MARK, request } from './probe-kit.mjs';

/** Variables that hold keys of clouds and services wherever they are set. */
const TELLTALE =
  /^(AWS_(SECRET|SESSION|ACCESS)|GOOGLE_APPLICATION|AZURE_|KUBECONFIG|DOCKER_(HOST|CONFIG)|SSH_AUTH_SOCK|SSH_AGENT|GPG_AGENT|DBUS_|XAUTHORITY|DISPLAY|WAYLAND|VAULT_TOKEN|NPM_TOKEN|GITHUB_TOKEN|GH_TOKEN)/;
const CREDENTIALS = [
  '.ssh',
  '.aws',
  '.gnupg',
  '.kube',
  '.docker/config.json',
  '.netrc',
  '.npmrc',
  '.pypirc',
  '.git-credentials',
  '.config/gcloud',
  '.config/gh',
  '.azure',
  '.vault-token',
];

export default function secrets({ secrets: bound, ownEnvironment, trustFiles, isContainer }) {
  const known = ['PATH', ...(isContainer ? ['HOSTNAME', 'HOME', 'TERM', 'container'] : [])];
  const home = process.env.HOME ?? '/nonexistent';
  return [
    {
      id: 'placeholders',
      quick: true,
      expected: 'control: each bound secret is there as a placeholder',
      attempt: () =>
        bound
          .filter(({ env, placeholder }) => process.env[env] !== placeholder)
          .map(({ env }) => env)
          .join(',') || 'all',
      passes: /^all$/,
    },
    {
      id: 'variables-of-the-caller',
      expected: 'no variable that carries credentials but those that were asked for',
      attempt: () =>
        Object.keys(process.env)
          .filter((name) => TELLTALE.test(name) && !ownEnvironment.includes(name))
          .join(',') || 'none',
      passes: /^none$/,
      control: { attempt: () => process.env.IRONCAGE ?? 'no cage', passes: /./ },
    },
    {
      id: 'first-process',
      quick: true,
      expected: 'the environment of process 1 holds nothing but a PATH, and of a container what its engine adds',
      attempt: () =>
        readFileSync('/proc/1/environ', 'utf8')
          .split('\0')
          .map((entry) => entry.split('=')[0])
          .filter((name) => name !== '' && !known.includes(name))
          .join(',') || 'PATH',
      passes: /^PATH$/,
    },
    {
      id: 'arguments-of-first-process',
      expected: 'the command line of process 1 names no path of the data root and no value',
      attempt: () =>
        /egress\/|secrets|sk-|token/i.test(readFileSync('/proc/1/cmdline', 'utf8')) ? 'it does' : 'it does not',
      passes: /^it does not$/,
      control: { attempt: () => readFileSync('/proc/1/cmdline', 'utf8').length, passes: /^[1-9]/ },
    },
    ...CREDENTIALS.map((name) => ({
      id: `file-${name.replaceAll('/', '-')}`,
      quick: name === '.ssh',
      expected: 'no credentials of the host’s user in the home',
      // What the agent itself made in its home is no file of the host.
      attempt: () =>
        existsSync(`${home}/${name}`) && statSync(`${home}/${name}`).uid !== process.getuid() ? 'there' : 'not there',
      passes: /^not there$/,
      control: { attempt: () => readdirSync(home).length >= 0, passes: /^true$/ },
    })),
    {
      id: 'authority-without-key',
      quick: true,
      expected: 'of the cage’s authority only certificates are there',
      attempt: () =>
        trustFiles.some((file) => existsSync(file) && readFileSync(file, 'latin1').includes('PRIVATE KEY'))
          ? 'a key'
          : 'no key',
      passes: /^no key$/,
      control: {
        attempt: () => new X509Certificate(readFileSync(process.env.NODE_EXTRA_CA_CERTS)).ca,
        passes: /^true$/,
      },
    },
    {
      id: 'refusal-echoes-nothing',
      expected: 'a refusal repeats no header and no body of the request',
      attempt: async () => {
        const word = 'verify-echo-0c3a';
        const fields = [`Authorization: Bearer ${word}`, `Cookie: a=${word}`, `X-Word: ${word}`, 'Content-Length: 16'];
        const text = request({ method: 'POST', target: `${MARK}echo`, fields, body: word });
        const { text: answer } = await converse(await dial('plain'), text);
        return answer === '' ? 'no answer' : answer.includes(word) ? 'echoed' : 'not echoed';
      },
      passes: /^not echoed$/,
    },
    {
      id: 'leaf-key-is-not-sent',
      expected: 'a handshake shows certificates only',
      attempt: async () => {
        const socket = await dial('tls', { servername: 'leaf.verify.ironcage.invalid' });
        const peer = socket.getPeerX509Certificate();
        socket.destroy();
        return peer === undefined ? 'no certificate' : `for ${peer.subjectAltName}`;
      },
      passes: /^for DNS:leaf\.verify\.ironcage\.invalid$/,
    },
  ];
}
