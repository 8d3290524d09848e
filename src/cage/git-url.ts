// A git URL as the source of a cage: which ones are taken, and what of them may be kept. Others could run programs (ext::), or come
// unencrypted. A password in one is used once and stands in no file, argument or message.
import { IronError } from '../platform/errors.ts';
import { printableLine } from '../platform/text.ts';

export interface GitUrl {
  /** Without credentials. */
  url: string;
  protocol: 'https' | 'ssh' | 'file';
  /** Of an https URL: for whom, and with what. */
  user: string | undefined;
  password: string | undefined;
  /** The last part of its path: a name for a directory. */
  repository: string;
}

/** Whether `text` is meant as a URL and not as a directory. */
export function isGitUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:(?:\/\/|:)/i.test(text) || SCP.test(text);
}

/** `git@host:path`, which is ssh. */
const SCP = /^[\w.-]+@[\w.-]+:/;
/** Of no use in the URL of a repository, and a place for tokens. */
const EXTRAS = /[?#]/;

/** Throws E_USAGE for what is no https, ssh or file URL of a repository. Its message repeats nothing that could be a password. */
export function parseGitUrl(text: string): GitUrl {
  if (/[\s\p{Cc}]/u.test(text)) throw refused('it has a blank or a control character in it');
  if (SCP.test(text)) {
    const path = text.slice(text.indexOf(':') + 1);
    return { url: text, protocol: 'ssh', user: undefined, password: undefined, repository: repositoryIn(path) };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'https':
    case 'ssh':
      return parseRemote(text, scheme);
    case 'file':
      return parseFile(text);
    case 'http':
    case 'git':
      throw refused(`${scheme}:// is neither encrypted nor signed: anybody on the way could change the project`);
    case undefined:
    default:
      throw refused(`${printableLine(scheme ?? 'this')}: is none of https, ssh and file`);
  }
}

function parseRemote(text: string, protocol: 'https' | 'ssh'): GitUrl {
  if (!URL.canParse(text)) throw refused('it is no URL');
  const url = new URL(text);
  if (EXTRAS.test(text)) throw refused('it has a query or a fragment');
  if (url.hostname === '' || url.hostname.startsWith('-')) throw refused('it names no host');
  const [user, password] = [url.username, url.password].map(decoded);
  url.password = '';
  // Of ssh the user belongs to the address, of https to the credentials: many put a token there.
  if (protocol === 'https') url.username = '';
  const own = protocol === 'https' ? { user, password } : { user: undefined, password: undefined };
  return { url: url.href, protocol, ...own, repository: repositoryIn(url.pathname) };
}

function decoded(part: string): string | undefined {
  if (part === '') return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    throw refused('a percent sign in its user or password stands for nothing: write it as %25');
  }
}

function parseFile(text: string): GitUrl {
  const path = /^file:\/\/(?:localhost)?(\/.*)$/i.exec(text)?.[1];
  if (path === undefined) throw refused('a file URL has three slashes: file:///srv/shop.git');
  const own = { user: undefined, password: undefined };
  return { url: `file://${path}`, protocol: 'file', ...own, repository: repositoryIn(path) };
}

function repositoryIn(path: string): string {
  const last =
    path
      .replace(/\/+$/, '')
      .replace(/(?:\/\.git|\.git)$/, '')
      .split('/')
      .at(-1) ?? '';
  const name = last.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '');
  if (path.replaceAll('/', '') === '') throw refused('it names no repository');
  return name === '' ? 'project' : name.slice(0, 100);
}

function refused(because: string): IronError {
  return new IronError('E_USAGE', {
    message: 'this git URL cannot be the source of a cage',
    because,
    hint: 'name https://host/path, ssh://host/path, git@host:path or file:///path, or clone it yourself and name the directory',
  });
}
