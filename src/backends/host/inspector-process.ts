// The process of one inspector that the user wrote: confined like the egress, without its network and its directories. It sees
// the module and nothing else of the user's. Its only way out is a socket, whose other end goes to the egress; with that it ends.
import { Socket } from 'node:net';
import { extname } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import { pathExists } from '../../platform/files.ts';
import type { CageIdentity } from '../backend.ts';
import type { Tools } from './tools.ts';
import { confinedCommand, nodeProgram, readOnlyMounts } from './confined-command.ts';
import { startConfined } from './confined-process.ts';

export interface InspectorLaunch {
  identity: CageIdentity;
  callerIsRoot: boolean;
  name: string;
  /** Absolute path of a JavaScript module that needs no other file. */
  module: string;
  timeoutMs: number;
  /** Where the seccomp filter and the log lie. */
  runDirectory: string;
}

/** The egress's end of the socket. Throws E_EGRESS where the process cannot be started. */
export function startInspector(launch: InspectorLaunch, tools: Tools, path: string): Socket {
  const { identity, callerIsRoot, module, name, timeoutMs, runDirectory } = launch;
  if (!pathExists(module)) throw inspectorFailure(name, `there is no file ${module}`);
  const inside = `/inspector/module${extname(module)}`;
  const command = confinedCommand(
    {
      ...{
        identity,
        callerIsRoot,
        runDirectory,
        network: 'none',
        directories: ['/inspector', '/etc', '/etc/ssl'],
        environment: [],
      },
      mounts: readOnlyMounts([[module, inside]]),
      argv: nodeProgram('egress/inspector-host.js', ['--max-old-space-size=64'], [inside, String(timeoutMs)]),
    },
    tools,
  );
  // A start that failed is seen by the socket that closes.
  const child = startConfined({ command, runDirectory, log: 'inspectors.log', channel: 'pipe' }, path);
  child.unref();
  const socket = child.stdio[3];
  if (!(socket instanceof Socket)) throw inspectorFailure(name, 'its process could not be started');
  return socket;
}

function inspectorFailure(name: string, because: string): IronError {
  return new IronError('E_EGRESS', {
    message: `the inspector ${name} cannot be used`,
    because,
    hint: 'correct its [[inspector]] table in config.toml, or remove it and make the cage anew',
  });
}
