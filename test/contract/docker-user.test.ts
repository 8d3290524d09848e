// The contract over root's Docker daemon as the group `docker` uses it: an ordinary user, uid 1000, whose cages have a gate.
import { statSync } from 'node:fs';
import { test } from 'vitest';
import { CONTRACT_TIMEOUT_MS, contractAs, type OrdinaryUser } from '../support/contract-as.ts';
import { engineReason, pathOfTests } from '../support/engines.ts';

const UID = 1000;
const SOCKET = '/var/run/docker.sock';
const reason = process.getuid?.() === 0 ? engineReason('docker') : 'the contract over docker is it';

/** Needs no entry among the users of this machine: the daemon asks for the group alone. */
function memberOfDocker(): OrdinaryUser {
  const groups = ['--groups', String(statSync(SOCKET).gid)];
  const identity = ['--reuid', String(UID), '--regid', String(UID), ...groups, '--'];
  return {
    uid: UID,
    command: ['env', '--chdir=/', 'setpriv', ...identity],
    env: { PATH: pathOfTests(), USER: 'docker-user', LANG: 'C.UTF-8' },
  };
}

test.skipIf(reason !== undefined)(
  `the contract holds over Docker for a member of its group${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  async () => contractAs(memberOfDocker(), 'docker'),
  CONTRACT_TIMEOUT_MS,
);
