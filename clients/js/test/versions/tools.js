/** Processes and ports of a test. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
export const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
export const call = promisify(execFile);
/** The environment of a Next.js that tells nobody about us. */
export const NEXT_QUIET = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A folder that is gone when `use` has ended, however it ended. */
export async function inFolder(name, use) {
  const folder = await mkdtemp(join(tmpdir(), `sidgate-${name}-`));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The package as it would be published: what npm installs instead of its name. */
export async function packed(folder) {
  const { stdout } = await call('npm', ['pack', '--json', '--pack-destination', folder], { cwd: PACKAGE });
  return join(folder, JSON.parse(stdout)[0].filename);
}

/** A server of the test, and what it has said. */
export class Server {
  said = '';

  /** Starts it, and waits until it says `ready` or answers at `url`. */
  static async start(command, args, { ready, ...options }) {
    // A group of its own: a development server has children.
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
    const server = new Server(child);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (said) => (server.said += said));
    server.ended = once(child, 'exit');
    for (const end = Date.now() + 60_000; !(await server.is(ready)); ) {
      if (child.exitCode !== null || Date.now() > end) {
        await server.stop();
        throw new Error(`${command} ${args.join(' ')} did not start:\n${server.said}`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
    return server;
  }

  constructor(child) {
    this.child = child;
  }

  async is(ready) {
    if (ready instanceof RegExp) return ready.test(this.said);
    return fetch(ready).then(({ ok }) => ok, () => false);
  }

  async stop(signal = 'SIGTERM') {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      process.kill(-this.child.pid, signal);
      await this.ended;
    }
  }
}
