// The probe program of `ironcage verify`: runs inside a cage and prints one JSON object per probe. The other files of the
// probes and the facts of the host come as JSON on standard input, since nothing of the host is to be seen from inside.
// Whatever a probe makes it takes away again.
const GROUPS = {
  identity: 'probe-identity.mjs',
  address: 'probe-address.mjs',
  names: 'probe-names.mjs',
  protocol: 'probe-protocol.mjs',
  smuggling: 'probe-smuggling.mjs',
  exfiltration: 'probe-exfiltration.mjs',
  secrets: 'probe-secrets.mjs',
  sandbox: 'probe-sandbox.mjs',
  'control plane': 'probe-control.mjs',
};

let input = '';
for await (const chunk of process.stdin) input += chunk;
const { files, facts } = JSON.parse(input);

/** A module without a file: equal text is one module, so that all probes share their kit. */
const urls = new Map();
function urlOf(name) {
  const known = urls.get(name);
  if (known !== undefined) return known;
  const source = files[name].replace(/'\.\/(probe-[a-z0-9-]+\.mjs)'/g, (_whole, needed) => `'${urlOf(needed)}'`);
  const url = `data:text/javascript;base64,${Buffer.from(source).toString('base64')}`;
  urls.set(name, url);
  return url;
}

const { runGroup } = await import(urlOf('probe-kit.mjs'));
const report = (probe) => process.stdout.write(`${JSON.stringify(probe)}\n`);
for (const [group, file] of Object.entries(GROUPS)) {
  // In an open cage nothing looks at traffic: what is left to probe is the cage itself.
  if (facts.mode === 'open' && group !== 'sandbox') continue;
  const { default: probesOf } = await import(urlOf(file));
  await runGroup(group, probesOf(facts), facts, report);
}
report({ end: true });
// A connection that somebody holds open must not keep a probe that has ended.
process.exit(0);
