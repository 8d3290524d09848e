// The part of a rule that says where: `[http://|https://]HOST[:PORT][/PATH]`. Wildcards that would allow strangers, addresses
// that lead inside unasked and words that are no host are refused here, each with what to write instead.
import { addressBlock, isMetadataAddress } from './addresses.ts';
import { BUNDLES } from './bundles.ts';
import { closestWord } from './closest.ts';
import { isAddressLiteral, normaliseHost } from './hosts.ts';
import { canonicalGlob } from './paths.ts';
import type { Rule } from './types.ts';
import { Unfit } from './unfit.ts';

export interface RuleTarget {
  scheme: 'https' | 'http' | undefined;
  /** Canonical host pattern. */
  host: string;
  port: number | undefined;
  /** Canonical glob. */
  path: string | undefined;
}

export const EXAMPLES =
  'write a host (example.com, *.example.com, example.com:8443), "GET example.com/path/**", or a bundle';

/** What a target is read by besides its text. */
export interface TargetStance {
  effect: Rule['effect'];
  isPrivate: boolean;
  /** The user's word that a wildcard under a shared name is meant. */
  isShared: boolean;
  /** The shared name that makes a wildcard before `name` unsafe, or undefined: see suffixes.ts. */
  sharedSuffix: (name: string) => string | undefined;
}

const TARGET = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(\[[^\]/]*\]|[^/:[\]]*)(?::([^/:]*))?(\/.*)?$/i;

/** Throws Unfit. */
export function readTarget(text: string, stance: TargetStance): RuleTarget {
  const [, schemeText, hostText, portText, pathText] = TARGET.exec(text) ?? [];
  if (hostText === undefined) throw new Unfit(`${JSON.stringify(text)} is not a host`, EXAMPLES);
  const scheme = readScheme(schemeText);
  const port = portText === undefined ? undefined : readPort(portText);
  const host = readHostPattern(hostText, { ...stance, isBare: text === hostText && !stance.isPrivate });
  return { scheme, host, port, path: pathText === undefined ? undefined : readPath(pathText) };
}

/** Throws Unfit. */
function readPath(text: string): string {
  const path = canonicalGlob(text);
  if (!path.ok) throw new Unfit(path.reason, 'example of a path: /v1/models/**', 'path');
  return path.path;
}

/** Throws Unfit. */
function readScheme(text: string | undefined): RuleTarget['scheme'] {
  const scheme = text?.toLowerCase();
  if (scheme === undefined || scheme === 'https' || scheme === 'http') return scheme;
  const suggestion = /^wss?$/.test(scheme)
    ? 'write https:// or http:// and the word websocket'
    : 'only https:// and http:// pass the egress';
  throw new Unfit(`${scheme}:// is not a scheme of a rule`, suggestion, 'scheme');
}

/** Throws Unfit. */
function readPort(text: string): number {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new Unfit(
    `${JSON.stringify(text)} is not a port`,
    'a port is a number from 1 to 65535; bundles with a colon are github:OWNER/REPO and s3:BUCKET',
    'port',
  );
}

/** Throws Unfit. `isBare`: nothing stands around the host, so that a word without a dot may be a mistyped bundle. */
function readHostPattern(text: string, stance: TargetStance & { isBare: boolean }): string {
  const [, wildcard = '', nameText = ''] = /^(\*{1,2}\.)?(.*)$/.exec(text) ?? [];
  const name = normaliseHost(nameText);
  if (name === undefined) {
    const suggestion = text.includes('*')
      ? 'a wildcard stands first: *.example.com (one label) or **.example.com'
      : EXAMPLES;
    throw new Unfit(`${JSON.stringify(text)} is not a host`, suggestion);
  }
  if (wildcard === '') {
    if (stance.isShared) throw new Unfit('"shared" is for wildcards', 'leave it out', 'shared');
    if (stance.isBare && !text.includes('.') && !isAddressLiteral(name)) throw unknownWord(name);
    if (stance.effect === 'allow') checkDestination(name, stance.isPrivate);
    return name;
  }
  if (isAddressLiteral(name)) throw new Unfit('an address takes no wildcard', 'list each address by itself');
  // A deny rule may be as wide as it likes.
  const shared = stance.effect === 'deny' || stance.isShared ? undefined : stance.sharedSuffix(name);
  if (shared !== undefined) {
    const message = `anybody can have a name under ${shared}, so a wildcard there allows everybody`;
    throw new Unfit(message, `name the host: my-project.${name}; or add the word shared if everybody is meant`);
  }
  return wildcard + name;
}

function unknownWord(word: string): Unfit {
  const names = [...Object.keys(BUNDLES), 'github'];
  const meant = closestWord(word, names);
  const message = `${JSON.stringify(word)} is neither a bundle nor a host with a dot`;
  if (meant === 'github') return new Unfit(message, 'did you mean github:OWNER/REPO?');
  if (meant !== undefined) return new Unfit(message, `did you mean ${meant}?`);
  return new Unfit(
    message,
    `the bundles are ${names.join(', ')}:OWNER/REPO, s3:BUCKET; for a host on your own network write "${word} private"`,
  );
}

function checkDestination(host: string, isPrivate: boolean): void {
  if (!isAddressLiteral(host)) return;
  if (isMetadataAddress(host)) {
    throw new Unfit('this address is a metadata service, which no rule can allow', 'leave the rule out');
  }
  const block = addressBlock(host);
  if (block === undefined || isPrivate) return;
  throw new Unfit(`this address is ${block}`, 'add the word private if the cage may reach it');
}
