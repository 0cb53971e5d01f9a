/** What create-next-app makes, with a session: built, started and developed behind the gateway without a word of complaint. */
import assert from 'node:assert/strict';
import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask } from './asks.js';
import { Gateway } from './gateway.js';
import { call, freePort, inFolder, NEXT_QUIET, Server } from './tools.js';
import { visit, visitInDevelopment } from './visits.js';

const [FILES, FILES_OF_TODAY] = ['fresh', 'fresh-today'].map((name) => fileURLToPath(new URL(name, import.meta.url)));
export const TODAY = '16';
/** What these versions are asked, of which one alone has an answer of its own: --yes. */
const FLAGS = {
  14: ['--ts', '--eslint', '--tailwind', '--app', '--no-src-dir', '--import-alias', '@/*', '--use-npm'],
  15: ['--yes', '--use-npm'],
  16: ['--yes', '--use-npm'],
};
/** About the machine, not about the app. */
const MACHINE = /Slow filesystem detected/;
const COMPLAINT = /\bwarn|error|⚠|⨯|deprecated/i;

const NEXT = 'node_modules/next/dist/bin/next';

/** A folder as a developer has it after the first command. */
export async function createApp(line, folder) {
  const version = line === TODAY ? 'latest' : line;
  await call('npx', ['--yes', `create-next-app@${version}`, 'app', ...FLAGS[line]], { cwd: folder, env: NEXT_QUIET });
  return join(folder, 'app');
}

async function layOver(line, cwd) {
  await cp(FILES, cwd, { recursive: true });
  if (line === TODAY) {
    await cp(FILES_OF_TODAY, cwd, { recursive: true });
    return;
  }
  // Before Next.js 16 the file and its export had another name.
  const [before, after] = [join(cwd, 'proxy.ts'), join(cwd, 'middleware.ts')];
  await rename(before, after);
  await writeFile(after, (await readFile(after, 'utf8')).replace('const proxy', 'const middleware'));
}

/** Lines of a log that a developer would ask about. */
export const complaints = (log) => log.split('\n').filter((said) => COMPLAINT.test(said) && !MACHINE.test(said));

async function serve(cwd, command, port, key, use) {
  const env = { ...NEXT_QUIET, SIDGATE_KEY: key };
  const args = [NEXT, command, '-H', '127.0.0.1', '-p', `${port}`];
  const server = await Server.start(process.execPath, args, { cwd, env, ready: /ready/i });
  try {
    await use();
    assert.deepEqual(complaints(server.said), [], `the log of next ${command}`);
  } finally {
    await server.stop();
  }
}

export function checkFresh(line, tarball) {
  return inFolder(`fresh${line}`, async (folder) => {
    const cwd = await createApp(line, folder);
    await call('npm', ['install', '--no-audit', '--no-fund', tarball], { cwd });
    await layOver(line, cwd);
    const built = await call('npm', ['run', 'build'], { cwd, env: NEXT_QUIET });
    assert.deepEqual(complaints(built.stdout + built.stderr), [], 'the log of next build');
    const port = await freePort();
    const gateway = await Gateway.prepare(folder, port);
    await gateway.start();
    try {
      await serve(cwd, 'start', port, gateway.appKey, async () => {
        await ask(gateway.origin, { components: line === TODAY });
        await visit(gateway);
      });
      await serve(cwd, 'dev', port, gateway.appKey, () => visitInDevelopment(gateway, `http://localhost:${port}`));
    } finally {
      await gateway.stop();
    }
  });
}
