// The facts about this machine that finding and installing an agent depend on, as one value: any machine can be tested on any other.
import { realpathSync } from 'node:fs';

export interface Machine {
  /** `linux-x64`, `linux-arm64-musl`, …: the keys of an agent's platform packages. */
  platform: string;
  /** Whether ironcage runs as root: then the cage runs under another uid, and programs must be readable by all. */
  root: boolean;
  /** Real path of the running Node. */
  node: string;
}

export function thisMachine(): Machine {
  return {
    platform: `${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}`,
    root: process.getuid?.() === 0,
    node: realpathSync(process.execPath),
  };
}

/** Node's report names the glibc it runs on; on musl that field is missing. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  const report: unknown = process.report.getReport();
  if (typeof report !== 'object' || report === null || !('header' in report)) return false;
  const header = report.header;
  return typeof header === 'object' && header !== null && !('glibcVersionRuntime' in header);
}
