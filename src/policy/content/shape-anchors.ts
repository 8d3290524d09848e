// What every credential pattern of the rule collection must contain: looked for first, since a regular expression over each
// body would cost more than everything else together. A rule is asked only about the surroundings of its literals.

/** The rules, by the last part of their names in the collection. */
export interface ShapeAnchor {
  /** `aws` for `@secretlint/secretlint-rule-aws`. */
  rule: string;
  /** Exact bytes, at least three. */
  literal: string;
  /** How far before and behind the literal's beginning the rule may look, in bytes. */
  before: number;
  behind: number;
  /** A cheap look before the rule is asked: so many bytes of a token's alphabet must stand around the literal. */
  tokenBytes?: number | undefined;
  /** `url`: between the literal and the next `/` or space stand a `:` and an `@`. */
  form?: 'url' | undefined;
}

/** The longest reach of all; what is kept of a stream while a candidate waits for the bytes behind it. */
export const MAX_REACH_BYTES = 12 * 1024;

const TOKEN: Pick<ShapeAnchor, 'before' | 'behind'> = { before: 8, behind: 512 };

export const SHAPE_ANCHORS: readonly ShapeAnchor[] = [
  ...['A3T', 'AKIA', 'AGPA', 'AIDA', 'AROA', 'AIPA', 'ANPA', 'ANVA', 'ASIA'].map((literal) =>
    token('aws', literal, 20),
  ),
  ...['SECRET', 'secret', 'Secret'].flatMap((word) =>
    ['ACCESS', 'access', 'Access'].flatMap((next) =>
      ['', '_'].map((joint) => ({ rule: 'aws', literal: `${word}${joint}${next}`, before: 16, behind: 128 })),
    ),
  ),
  { rule: 'privatekey', literal: 'PRIVATE KEY', before: 32, behind: MAX_REACH_BYTES },
  { rule: 'npm', literal: ':x-oauth-basic@', before: 280, behind: 64 },
  { rule: 'npm', literal: '_authToken=', ...TOKEN },
  token('npm', 'npm_', 40),
  { rule: 'basicauth', literal: '://', before: 8, behind: 800, form: 'url' },
  ...['xoxb-', 'xoxp-', 'xapp-', 'xoxa-', 'xoxo-', 'xoxr-'].map((literal) => token('slack', literal, 8)),
  { rule: 'slack', literal: 'hooks.slack.com/services/', before: 16, behind: 200 },
  token('sendgrid', 'SG.', 20),
  ...['shppa_', 'shpca_', 'shpat_', 'shpss_'].map((literal) => token('shopify', literal, 38)),
  ...['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'].map((literal) => token('stripe', literal, 32)),
  ...['ghp_', 'gho_', 'ghu_', 'ghr_'].map((literal) => token('github', literal, 40)),
  { ...token('github', 'ghs_', 20), behind: MAX_REACH_BYTES },
  token('github', 'github_pat_', 93),
  token('gitlab', 'glpat-', 26),
  token('grafana', 'glc_', 36),
  token('grafana', 'glsa_', 46),
  { rule: 'openai', literal: 'T3BlbkFJ', before: 128, behind: 128 },
  token('anthropic', 'sk-ant-api0', 100),
  token('groq', 'gsk_', 56),
  token('huggingface', 'hf_', 37),
  token('linear', 'lin_api_', 40),
  token('notion', 'ntn_', 50),
  { ...token('1password', 'ops_ey', 100), behind: 1600 },
  ...['mongodb://', 'mongodb+srv://', 'mysql://', 'mysqlx://', 'postgres://', 'postgresql://'].map(
    (literal): ShapeAnchor => ({ rule: 'database-connection-string', literal, before: 8, behind: 1024, form: 'url' }),
  ),
  ...['hvs.', 'hvr.'].map((literal) => token('hashicorp-vault', literal, 90)),
  token('hashicorp-vault', 'hvb.', 138),
  ...['vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'].map((literal) => token('vercel', literal, 24)),
  token('databricks', 'dapi', 36),
  token('docker', 'dckr_pat_', 36),
  token('figma', 'figd_', 45),
  token('tailscale', 'tskey-', 32),
  token('google-api-key', 'AIza', 39),
];

function token(rule: string, literal: string, tokenBytes: number): ShapeAnchor {
  return { rule, literal, ...TOKEN, tokenBytes };
}

/** The cheap look: whether the rule of the anchor has to be asked about the literal at `position`. */
export function isCandidate(anchor: ShapeAnchor, bytes: Uint8Array, position: number): boolean {
  if (anchor.form === 'url') return hasUserInfo(bytes, position + anchor.literal.length, anchor.behind);
  const { tokenBytes } = anchor;
  if (tokenBytes === undefined) return true;
  if (position > 0 && isLetter(bytes[position - 1] ?? 0)) return false;
  for (let at = position + anchor.literal.length; at < position + tokenBytes; at += 1) {
    if (!isTokenByte(bytes[at] ?? 0)) return false;
  }
  return true;
}

function hasUserInfo(bytes: Uint8Array, start: number, reach: number): boolean {
  let isPastColon = false;
  for (let at = start; at < start + reach; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === 0x40) return isPastColon;
    if (byte === 0x3a) isPastColon = true;
    else if (byte <= 0x20 || byte === 0x2f || byte === 0x22) return false;
  }
  return false;
}

/** Letters, digits and what credentials are joined with. */
function isTokenByte(byte: number): boolean {
  return isLetter(byte) || (byte >= 0x2b && byte <= 0x3a) || byte === 0x5f || byte === 0x3d;
}

function isLetter(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a);
}
