// The facts about this machine that finding and installing an agent depend on, as one value: any machine can be tested on any other.
import { readFileSync, realpathSync } from 'node:fs';

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

/** A musl system's Node has musl's loader mapped; asking Node's own report costs ten milliseconds. */
function isMusl(): boolean {
  return process.platform === 'linux' && readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-');
}
