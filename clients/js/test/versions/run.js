/**
 * The package, as it would be published, in real apps of other versions of Next.js: installed, built, started, asked.
 *
 *     node run.js 14 15          a line for each version; exit code 1 if one of them answers wrongly
 *
 * Needs `dist` and the npm registry, and minutes: `make soak` runs it.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const call = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const APP = fileURLToPath(new URL('app', import.meta.url));
const REACT = { 14: '18', 15: '19', 16: '19' };
const KEY = Buffer.alloc(32, 7);

function assertion() {
  const now = Math.floor(Date.now() / 1_000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const times = { iat: now, exp: now + 60 };
  const claims = { iss: 'sidgate', aud: 'next', ...times, state: 'active', sid: 'h', sub: '7', tid: 'acme' };
  const signed = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', KEY).update(signed).digest('base64url')}`;
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function ask(origin) {
  const text = async (path, headers = {}) => {
    const answer = await fetch(origin + path, { headers });
    // React puts comments between pieces of text.
    return [answer.status, (await answer.text()).replaceAll('<!-- -->', '')];
  };
  const signed = { 'x-session-assertion': assertion() };
  const bare = { 'x-session-user-id': '7', 'x-session-state': 'active', 'x-session-tenant-id': 'acme' };
  for (const path of ['/api/tenant', '/api/pages', '/api/edge']) {
    assert.deepEqual(await text(path, signed), [200, '{"tenantId":"acme"}'], path);
    assert.deepEqual(await text(path, bare), [401, '{"error":"Unauthorized"}'], `${path}, bare headers`);
  }
  for (const [headers, user] of [[signed, '7'], [bare, 'nobody']]) {
    const [, page] = await text('/', headers);
    assert.ok(page.includes(`server:${user}</p>`), `server component: ${page}`);
    assert.ok(page.includes(`client:${user}</p>`), `client component: ${page}`);
    assert.ok((await text('/ssr', headers))[1].includes(`ssr:${user}</p>`), 'getServerSideProps');
  }
}

async function serve(folder, port) {
  const env = { ...process.env, SIDGATE_KEY: KEY.toString('base64'), NEXT_TELEMETRY_DISABLED: '1' };
  const next = join(folder, 'node_modules/next/dist/bin/next');
  await call(process.execPath, [next, 'build'], { cwd: folder, env });
  const server = spawn(process.execPath, [next, 'start', '-H', '127.0.0.1', '-p', String(port)], { cwd: folder, env });
  const ended = new Promise((done) => server.on('exit', done));
  const ready = new Promise((done) => server.stdout.on('data', (said) => /ready/i.test(said) && done(true)));
  if ((await Promise.race([ready, ended])) !== true) throw new Error('the server did not start');
  return async () => {
    server.kill();
    await ended;
  };
}

async function check(line, tarball) {
  const folder = await mkdtemp(join(tmpdir(), `sidgate-next${line}-`));
  let stop;
  try {
    await cp(APP, folder, { recursive: true });
    const dependencies = { next: `^${line}`, react: `^${REACT[line]}`, 'react-dom': `^${REACT[line]}`, '@sidgate/session': tarball };
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
    await call('npm', ['install', '--no-audit', '--no-fund'], { cwd: folder });
    const port = await freePort();
    stop = await serve(folder, port);
    await ask(`http://127.0.0.1:${port}`);
    console.log(`Next.js ${line} with React ${REACT[line]}: ok`);
  } finally {
    await stop?.();
    await rm(folder, { recursive: true, force: true });
  }
}

const packed = await mkdtemp(join(tmpdir(), 'sidgate-pack-'));
try {
  const { stdout } = await call('npm', ['pack', '--json', '--pack-destination', packed], { cwd: PACKAGE });
  const tarball = `file:${join(packed, JSON.parse(stdout)[0].filename)}`;
  for (const line of process.argv.slice(2)) await check(line, tarball);
} finally {
  await rm(packed, { recursive: true, force: true });
}
