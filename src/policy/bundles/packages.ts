// Reading from the public package registries. Publishing, search, audit reports and accounts are refused by absence.
import { allow, allowRead, READ, type Bundle } from './bundle.ts';
import type { Rule } from '../types.ts';

const NPM = 'registry.npmjs.org';

export const npm: Bundle = {
  description: 'read packages from registry.npmjs.org; no publishing, search or audit reports',
  rules: [
    // A scoped name is one segment when its slash is encoded, as npm does, so that this shape covers it.
    allowRead('npm:metadata', NPM, '/*'),
    allowRead('npm:scoped-metadata', NPM, '/@*/*'),
    allowRead('npm:latest', NPM, '/*/latest'),
    allowRead('npm:scoped-latest', NPM, '/@*/*/latest'),
    allowRead('npm:tarball', NPM, '/*/-/*.tgz'),
    allowRead('npm:scoped-tarball', NPM, '/@*/*/-/*.tgz'),
    allowRead('npm:keys', NPM, '/-/npm/v1/keys'),
    allowRead('npm:attestations', NPM, '/-/npm/v1/attestations/*'),
  ],
};

export const pypi: Bundle = {
  description: 'read packages from pypi.org and files.pythonhosted.org; no uploads',
  rules: [
    allowRead('pypi:index', 'pypi.org', '/simple/**'),
    allowRead('pypi:metadata', 'pypi.org', '/pypi/*/json'),
    allowRead('pypi:release-metadata', 'pypi.org', '/pypi/*/*/json'),
    allowRead('pypi:files', 'files.pythonhosted.org', '/packages/**'),
  ],
};

export const crates: Bundle = {
  description: 'read crates from index.crates.io and static.crates.io; no publishing or search',
  rules: [
    allowRead('crates:index-config', 'index.crates.io', '/config.json', 0),
    // Names of one and two letters, of three, and longer ones, as Cargo's sparse index files them.
    allowRead('crates:index-short', 'index.crates.io', '/*/*', 0),
    allowRead('crates:index', 'index.crates.io', '/*/*/*', 0),
    allowRead('crates:crate', 'static.crates.io', '/crates/*/*.crate', 0),
    allowRead('crates:download', 'static.crates.io', '/crates/*/*/download', 0),
    // Older Cargos ask here and are redirected.
    allowRead('crates:redirect', 'crates.io', '/api/v1/crates/*/*/download', 0),
  ],
};

export const apt: Bundle = {
  description: 'read the package archives of Debian and Ubuntu, over http and https',
  rules: [
    ...aptRead('deb.debian.org'),
    ...aptRead('security.debian.org'),
    ...aptRead('archive.ubuntu.com', '/ubuntu/**'),
    ...aptRead('security.ubuntu.com', '/ubuntu/**'),
    ...aptRead('ports.ubuntu.com', '/ubuntu-ports/**'),
  ],
};

/** Debian's and Ubuntu's archives are signed, and their clients speak plain HTTP by default. */
function aptRead(host: string, path?: string): Rule[] {
  const read = { host, methods: READ, maxQueryBytes: 0, ...(path !== undefined && { path }) };
  return [allow(`apt:${host}`, read), allow(`apt:http:${host}`, { ...read, scheme: 'http' })];
}
