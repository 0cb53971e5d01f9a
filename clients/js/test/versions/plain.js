/** A small app in JavaScript, both routers and the Edge runtime, asked as the gateway asks. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { cp, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { call, freePort, inFolder, NEXT_QUIET, Server } from './tools.js';

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

export function checkPlain(line, tarball) {
  return inFolder(`plain${line}`, async (cwd) => {
    await cp(APP, cwd, { recursive: true });
    const react = `^${REACT[line]}`;
    const dependencies = { next: `^${line}`, react, 'react-dom': react, '@sidgate/session': `file:${tarball}` };
    await writeFile(`${cwd}/package.json`, JSON.stringify({ private: true, type: 'module', dependencies }));
    await call('npm', ['install', '--no-audit', '--no-fund'], { cwd });
    const env = { ...NEXT_QUIET, SIDGATE_KEY: KEY.toString('base64') };
    const next = 'node_modules/next/dist/bin/next';
    await call(process.execPath, [next, 'build'], { cwd, env });
    const port = await freePort();
    const started = [next, 'start', '-H', '127.0.0.1', '-p', `${port}`];
    const server = await Server.start(process.execPath, started, { cwd, env, ready: /ready/i });
    try {
      await ask(`http://127.0.0.1:${port}`);
    } finally {
      await server.stop();
    }
  });
}
