// Programs that the benchmark starts and ends, by the process it started and never by name.
import { execFileSync, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

export function missingPrograms(programs) {
  return programs.filter((program) => {
    try {
      execFileSync('which', [program], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
}

/** Starts a program and waits until its port takes connections. */
export async function startServer(program, args, port, options = {}) {
  const child = spawn(program, args, { stdio: 'ignore', ...options });
  await untilListening(port, child);
  return { pid: child.pid, stop: () => stopChild(child) };
}

export async function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await exited;
  clearTimeout(timer);
}

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function untilListening(port, child) {
  for (let attempt = 0; attempt < 1500; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended before it served`);
    const isOpen = await new Promise((done) => {
      const socket = connect(port, '127.0.0.1', () => (socket.destroy(), done(true)));
      socket.on('error', () => setTimeout(() => done(false), 10));
    });
    if (isOpen) return;
  }
  throw new Error(`${child.spawnfile} did not start`);
}
