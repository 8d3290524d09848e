// Which files look like secrets by their name (and, where the name alone says too little, by their text). Data first: a row
// names the files and the reason that the user is shown. What is listed here stays out of the cage when git ignores it.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { systemErrorCode } from '../platform/errors.ts';
import { nameOf, type BytePath } from './byte-path.ts';

interface SecretPattern {
  /** Tested on the file's name, or on the whole relative path when `whole` is set; both in lower case. */
  pattern: RegExp;
  whole?: true;
  /** When set, the file counts only if its first 64 KiB match. */
  contents?: RegExp;
  reason: string;
}

const SECRET_FILES: readonly SecretPattern[] = [
  {
    pattern: /^\.env(?:$|[.-](?!(?:.*[.-])?(?:example|sample|template|dist|defaults?|schema)$))/,
    reason: 'environment file with values',
  },
  { pattern: /\.env$/, reason: 'environment file with values' },
  { pattern: /^\.envrc(?:\.local|\.private)?$/, reason: 'direnv file with values' },
  { pattern: /\.(?:pem|key|ppk)$/, reason: 'private key or certificate' },
  { pattern: /\.(?:p12|pfx|jks|keystore|kdbx|pkcs12|bks)$/, reason: 'key store' },
  { pattern: /^id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:$|[._-](?!pub$))/, reason: 'SSH private key' },
  { pattern: /^\.npmrc$/, contents: /_(?:authtoken|auth|password)\s*=\s*(?!\$\{)\S/i, reason: 'npm token' },
  { pattern: /^\.yarnrc(?:\.yml)?$/, contents: /npmauth(?:token|ident)\s*:\s*["']?(?!\$\{)\S/i, reason: 'npm token' },
  { pattern: /^\.pypirc$/, contents: /^\s*password\s*[:=]/im, reason: 'PyPI password' },
  { pattern: /^[._]netrc$/, reason: 'passwords for hosts' },
  { pattern: /^\.git-credentials$/, reason: 'git passwords' },
  { pattern: /^\.pgpass$/, reason: 'database password' },
  { pattern: /^\.my\.cnf$/, reason: 'database password' },
  { pattern: /^(?:.*[._-])?credentials?(?:[._-].*)?\.(?:json|ya?ml|toml|ini|txt|xml|csv)$/, reason: 'credentials' },
  { pattern: /^\.?credentials$/, reason: 'credentials' },
  { pattern: /^(?:.*[._-])?secrets?(?:[._-].*)?\.(?:json|ya?ml|toml|ini|txt|env|properties)$/, reason: 'secrets' },
  { pattern: /^(?:.*[._-])?service[-_]?account(?:[._-].*)?\.json$/, reason: 'service account key' },
  { pattern: /^(?:application_default_credentials|gcloud|firebase-adminsdk.*)\.json$/, reason: 'service account key' },
  { pattern: /^client_secret.*\.json$/, reason: 'OAuth client secret' },
  { pattern: /(?:^|\/)\.aws\/[^/]+$/, whole: true, reason: 'AWS credentials' },
  { pattern: /(?:^|\/)\.(?:azure|gcloud|config\/gcloud)\/.+$/, whole: true, reason: 'cloud credentials' },
  { pattern: /(?:^|\/)\.(?:ssh|gnupg)\/.+$/, whole: true, reason: 'keys' },
  { pattern: /(?:^|\/)\.docker\/config\.json$/, whole: true, reason: 'registry passwords' },
  { pattern: /^\.dockercfg$/, reason: 'registry passwords' },
  { pattern: /(?:^|\/)\.kube\/[^/]+$/, whole: true, reason: 'Kubernetes credentials' },
  { pattern: /^(?:.*[._-])?kubeconfig(?:[._-].*)?$/, reason: 'Kubernetes credentials' },
  { pattern: /\.tfstate(?:\.backup|\.[0-9]+\.backup)?$/, reason: 'Terraform state holds secrets in the clear' },
  { pattern: /\.tfvars(?:\.json)?$/, reason: 'Terraform variables' },
  { pattern: /^\.terraformrc$|^terraform\.rc$/, reason: 'Terraform token' },
  { pattern: /(?:^|\/)\.cargo\/credentials(?:\.toml)?$/, whole: true, reason: 'crates.io token' },
  { pattern: /(?:^|\/)\.gem\/credentials$/, whole: true, reason: 'RubyGems key' },
  { pattern: /^(?:.*[._-])?vault[-_]?(?:pass(?:word)?|token)(?:\..*)?$/, reason: 'vault password' },
  { pattern: /^\.vault_?pass(?:word)?(?:\..*)?$/, reason: 'vault password' },
  { pattern: /^\.htpasswd$/, reason: 'password hashes' },
  { pattern: /^local\.settings\.json$/, reason: 'Azure function settings' },
  { pattern: /^master\.key$/, reason: 'Rails master key' },
  {
    pattern: /^(?:gradle|local|keystore|signing)\.properties$/,
    contents: /(?:password|token|secret)/i,
    reason: 'passwords',
  },
];

const LOOKED_AT_BYTES = 64 * 1024;

/** Why the file looks like a secret, or undefined. `file` is where its text can be read. */
export function secretReason(path: BytePath, file: string | Buffer): string | undefined {
  const whole = path.toLowerCase();
  const name = nameOf(whole);
  for (const row of SECRET_FILES) {
    if (!row.pattern.test(row.whole === true ? whole : name)) continue;
    if (row.contents === undefined || startMatches(file, row.contents)) return row.reason;
  }
  return undefined;
}

function startMatches(file: string | Buffer, expression: RegExp): boolean {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    // What is there and cannot be looked at counts as a secret: it is left out.
    return !['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '');
  }
  try {
    if (!fstatSync(fd).isFile()) return true;
    const bytes = Buffer.alloc(LOOKED_AT_BYTES);
    return expression.test(bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0)));
  } finally {
    closeSync(fd);
  }
}
