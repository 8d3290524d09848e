// Names under which anybody can get a name or a bucket: a wildcard there would allow every stranger. A short list of what
// agents meet, not the whole Public Suffix List; the generic second levels of country domains are recognised by shape.

/** A wildcard directly under one of these is refused; under a name below it is fine (`*.me.github.io`). */
const SHARED_SUFFIXES: ReadonlySet<string> = new Set([
  'appspot.com',
  'azureedge.net',
  'azurefd.net',
  'azurestaticapps.net',
  'azurewebsites.net',
  'b-cdn.net',
  'bitbucket.io',
  'blogspot.com',
  'cloudfront.net',
  'codeberg.page',
  'deno.dev',
  'deno.net',
  'digitaloceanspaces.com',
  'duckdns.org',
  'fastly.net',
  'firebaseapp.com',
  'firebaseio.com',
  'fly.dev',
  'gitbook.io',
  'github.dev',
  'github.io',
  'githubpreview.dev',
  'githubusercontent.com',
  'gitlab.io',
  'glitch.me',
  'googleapis.com',
  'googleusercontent.com',
  'herokuapp.com',
  'hf.space',
  'loca.lt',
  'localtunnel.me',
  'lovable.app',
  'modal.run',
  'myshopify.com',
  'netlify.app',
  'ngrok-free.app',
  'ngrok.app',
  'ngrok.dev',
  'ngrok.io',
  'nip.io',
  'onrender.com',
  'ondigitalocean.app',
  'pages.dev',
  'pythonanywhere.com',
  'r2.dev',
  'railway.app',
  'readthedocs.io',
  'repl.co',
  'replit.app',
  'replit.dev',
  'run.app',
  'serveo.net',
  'sslip.io',
  'streamlit.app',
  'stackblitz.io',
  'supabase.co',
  'surge.sh',
  'trycloudflare.com',
  'vercel.app',
  'web.app',
  'webcontainer.io',
  'workers.dev',
]);

/** Below these, every level is shared (regions, then buckets), so that no wildcard anywhere under them is safe. */
const SHARED_TREES: readonly string[] = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'backblazeb2.com',
  'cloudapp.azure.com',
  'cloudflarestorage.com',
  'core.windows.net',
  'on.aws',
  'oraclecloud.com',
];

/** Second levels that registries of country domains hand out below (`co.uk`, `com.br`, `ne.jp`). */
const GENERIC_SECOND_LEVEL =
  /^(?:ac|co|com|edu|gob|gov|go|govt|id|info|ltd|me|mil|ne|net|nom|or|org|plc|sch|web)\.[a-z]{2}$/;

/** The shared name that makes a wildcard before `name` unsafe, or undefined. */
export function sharedSuffix(name: string): string | undefined {
  if (!name.includes('.') || GENERIC_SECOND_LEVEL.test(name) || SHARED_SUFFIXES.has(name)) return name;
  return SHARED_TREES.find((tree) => name === tree || name.endsWith(`.${tree}`));
}
