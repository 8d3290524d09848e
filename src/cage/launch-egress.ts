// A new egress for a cage, up to the point where it has its policy: what a start and a restart of it have in common.
import { join } from 'node:path';
import { EGRESS_INSIDE, insideAuthorityFiles } from '../backends/host/egress-command.ts';
import { startEgress, type StartingEgress } from '../backends/host/egress-host.ts';
import { startInspector } from '../backends/host/inspector-process.ts';
import { writeConfinement } from '../backends/host/run-files.ts';
import { generationHash } from '../egress/generation.ts';
import { IronError } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import type { Context } from './context.ts';
import { egressConfig } from './policy.ts';
import type { CageSession } from './session.ts';

export interface LaunchedEgress extends Pick<StartingEgress, 'identity' | 'listener' | 'detach' | 'kill'> {
  /** Has it take the policy of the spec; the certificate of its authority, PEM. Throws E_EGRESS unless it confirms. */
  configure(): Promise<string>;
  /** Throws E_EGRESS unless it serves exactly that policy. */
  serve(): Promise<{ egress: StartingEgress['identity']; generation: number; hash: string }>;
}

/** Starts the program; it ends with this process unless it serves and was let go. */
export function launchEgress(session: CageSession): LaunchedEgress {
  const { context, spec, paths, identity, callerIsRoot } = session;
  writeConfinement(paths.run);
  const authorityFiles = upstreamAuthorities(context);
  const launch = { identity, callerIsRoot, directories: paths.egress, authorityFiles, runDirectory: paths.run };
  const starting = startEgress(launch, session.tools, session.path);
  const inside = {
    caDirectory: EGRESS_INSIDE.ca,
    auditDirectory: EGRESS_INSIDE.audit,
    controlSocket: join(EGRESS_INSIDE.control, 'control.sock'),
    upstreamCaFiles: insideAuthorityFiles(authorityFiles),
  };
  let expected: string | undefined;
  const check = (answer: { generation: number; hash: string }): void => {
    if (answer.generation !== spec.generation || answer.hash !== expected) throw unconfirmed();
  };
  return {
    identity: starting.identity,
    listener: (request, handle) => starting.listener(request, handle),
    detach: () => starting.detach(),
    kill: () => starting.kill(),
    async configure() {
      const config = await egressConfig(context, spec, inside);
      expected = generationHash(config);
      const configured = await starting.configure(config);
      check(configured);
      return configured.caPem;
    },
    async serve() {
      for (const { name, module, timeoutMs } of spec.inspectors) {
        const process = { identity, callerIsRoot, name, module, timeoutMs, runDirectory: paths.run };
        await starting.inspector(name, startInspector(process, session.tools, session.path));
      }
      const served = await starting.serve();
      check(served);
      return { egress: served.process, generation: served.generation, hash: served.hash };
    },
  };
}

function unconfirmed(): IronError {
  return new IronError('E_EGRESS', {
    message: 'the egress did not confirm the policy of this cage',
    because: 'it serves another generation than the one that was sent',
    hint: 'a cage never runs with an unconfirmed policy; start it again, and report this if it comes back',
  });
}

/** Authorities that this user's tools trust besides Node's own. */
function upstreamAuthorities({ environment }: Context): string[] {
  const named = [environment['NODE_EXTRA_CA_CERTS'], environment['SSL_CERT_FILE']];
  const files = [...SYSTEM_AUTHORITIES, ...named].filter((file): file is string => file !== undefined && file !== '');
  return [...new Set(files)].filter((file) => pathExists(file));
}

const SYSTEM_AUTHORITIES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];
