import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/repositories.ts';
import { secretReason } from './secret-files.ts';

test.each([
  '.env', '.env.local', '.env.production.local', 'prod.env', 'sub/server.key', 'cert.pem', 'id_rsa', 'id_ed25519_work', '.netrc',
  '.git-credentials', 'credentials.json', 'aws-credentials.yml', 'secrets.yaml', 'my-service-account.json', 'client_secret_1.json',
  '.aws/credentials', 'home/.docker/config.json', '.kube/config', 'kubeconfig', 'terraform.tfstate', 'x.tfstate.backup',
  'prod.tfvars', 'store.p12', 'a.jks', '.cargo/credentials.toml', '.vault_pass', 'config/master.key',
])('%s looks like a secret', (path) => {
  expect(secretReason(path, '/nonexistent')).toBeTypeOf('string');
}); // prettier-ignore

test.each([
  '.env.example', '.env.local.example', '.env.sample', '.env.template', 'environment.ts', 'id_rsa.pub', 'key.ts', 'secret-files.ts',
  'docker/config.json', 'README.md', 'credentials.ts', 'monkey',
])('%s does not', (path) => {
  expect(secretReason(path, '/nonexistent')).toBeUndefined();
}); // prettier-ignore

test.each([
  ['.npmrc', '//registry.npmjs.org/:_authToken=npm_abc\n', true],
  ['.npmrc', '//registry.npmjs.org/:_authToken=${NPM_TOKEN}\nsave-exact=true\n', false],
  ['.pypirc', '[pypi]\npassword = x\n', true],
  ['.pypirc', '[pypi]\nrepository = x\n', false],
  ['local.properties', 'sdk.dir=/opt\n', false],
])('%s with %j counts by its text: %s', (name, text, expected) => {
  const file = join(temporaryDirectory(), name);
  writeFileSync(file, text);
  expect(secretReason(name, file) !== undefined).toBe(expected);
});
