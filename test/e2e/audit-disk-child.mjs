// Runs in a mount namespace with a small disk at argv[2]: fills the disk under an audit log, makes room again, and tells what
// became of the records.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , disk, dist] = process.argv;
const { openAuditWriter } = await import(join(dist, 'audit/writer.js'));
const { verifyChain } = await import(join(dist, 'audit/verify.js'));
const clock = { now: () => Date.now() };
const entry = {
  ...{ direction: 'outbound', protocol: 'http', method: 'GET', host: 'a.example', port: 443, path: '/' },
  ...{ decision: 'allow', rule: 'r', inspectors: [], bytesOut: 0, bytesIn: 0, secrets: [] },
};

const writer = await openAuditWriter(disk, 'demo', clock);
writeFileSync(join(disk, 'ballast'), Buffer.alloc(32 * 1024));
let written = 0;
let refusal;
while (refusal === undefined && written < 10_000) {
  try {
    await writer.append(entry);
    written += 1;
  } catch (error) {
    refusal = error.code;
  }
}
const refusedAgain = await writer.append(entry).then(
  () => false,
  () => true,
);
const full = await verifyChain(disk);
rmSync(join(disk, 'ballast'));
const { seq } = await writer.append(entry);
await writer.close();
process.stdout.write(JSON.stringify({ written, refusal, refusedAgain, full, seq, end: await verifyChain(disk) }));
