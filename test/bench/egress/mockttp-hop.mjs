// mockttp as a TLS-to-TLS proxy of one host.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [home, to, keyFile, certificateFile] = process.argv.slice(2);
const { getLocal } = createRequire(join(home, 'package.json'))('mockttp');
// Its authority signs nothing here: every name it is asked for is the one of the certificate it is given.
const server = getLocal({
  https: { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certificateFile, 'utf8') },
  http2: true,
});
await server.start();
await server.forAnyRequest().thenForwardTo(`https://127.0.0.1:${to}`, {
  ignoreHostHttpsErrors: true,
});
process.send(server.port);
