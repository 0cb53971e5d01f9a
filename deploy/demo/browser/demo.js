/** The demo as `make demo` starts it, on ports of its own. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const READY = /^Sidgate is at/m;

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** What starts the demo. */
export const RUN = join(ROOT, 'deploy/demo/run');

/** The environment of a demo of our own: its files in `folder`, on free ports. */
export async function demoEnvironment(folder) {
  return {
    ...process.env,
    SIDGATE_BIN: process.env.SIDGATE_BIN ?? resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/sidgate'),
    DEMO_DIR: folder,
    DEMO_PORT: String(await freePort()),
    DEMO_ADMIN_PORT: String(await freePort()),
  };
}

/** Starts everything and waits until it answers. `stop()` ends it again. */
export async function startDemo() {
  const folder = await mkdtemp(join(tmpdir(), 'sidgate-browser-'));
  const env = await demoEnvironment(folder);
  const run = spawn(RUN, [], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => run.on('exit', done));
  let said = '';
  const ready = new Promise((done) => {
    const hear = (chunk) => READY.test((said += chunk)) && done(true);
    run.stdout.on('data', hear);
    run.stderr.on('data', hear);
  });

  async function stop() {
    run.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }

  if ((await Promise.race([ready, ended])) !== true) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`the demo did not start:\n${said}`);
  }
  if (said.includes('Django alone')) {
    await stop();
    throw new Error('the demo runs without Next.js');
  }
  const log = (name) => readFile(join(folder, `${name}.log`), 'utf8');
  return { origin: `http://localhost:${env.DEMO_PORT}`, log, stop };
}
