// @vitest-environment node
import { NextRequest } from 'next/server.js';
import { beforeEach, expect, test, vi } from 'vitest';
import { requireSession } from '../src/next.js';
import { ACTIVE, assertion, KEY } from './support.js';

const proxy = requireSession({ loginUrl: '/login?from=proxy' });
const SHOP = { 'x-forwarded-host': 'shop.example.com', 'x-forwarded-proto': 'https' };
const PEOPLE = { ...SHOP, accept: 'text/html,*/*;q=0.8' };

beforeEach(() => {
  vi.stubEnv('SIDGATE_KEY', KEY.toString('base64'));
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

/** A request as it reaches the app: its URL names the app's own address. */
function request(path: string, state: string, headers: Record<string, string> = {}, method = 'GET'): NextRequest {
  const claims = state === 'active' ? ACTIVE : { state };
  const sent = { 'x-session-assertion': assertion(claims), ...headers };
  return new NextRequest(`http://127.0.0.1:3001${path}`, { headers: sent, method });
}

test('whoever is logged in passes', async () => {
  const answer = await proxy(request('/account', 'active', PEOPLE));
  expect(answer.headers.get('x-middleware-next')).toBe('1');
});

test('people go to the login page of the public address, and come back', async () => {
  const answer = await proxy(request('/account/orders?page=2&_rsc=1a2b', 'anonymous', PEOPLE));
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toBe(
    'https://shop.example.com/login?from=proxy&next=%2Faccount%2Forders%3Fpage%3D2',
  );
  expect(answer.headers.get('cache-control')).toBe('private, no-store');
});

test.each([
  ['a navigation', { 'sec-fetch-mode': 'navigate' }, 'GET', 303],
  ['the router of an open page', { rsc: '1' }, 'GET', 303],
  ['a fetch', { accept: '*/*' }, 'GET', 401],
  ['a server action', { accept: 'text/x-component', 'next-action': 'a' }, 'POST', 401],
  ['a form', { accept: 'text/html' }, 'POST', 401],
])('nobody, with %s', async (_, headers, method, status) => {
  const answer = await proxy(request('/account', 'anonymous', { ...SHOP, ...headers }, method));
  expect(answer.status).toBe(status);
  if (status === 401) expect(await answer.json()).toMatchObject({ code: 'unauthenticated' });
});

test('unknown is not nobody', async () => {
  const answer = await proxy(request('/account', 'unknown', PEOPLE));
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
});

test('a request past the gateway is nobody’s', async () => {
  const bare = new NextRequest('http://127.0.0.1:3001/account', { headers: { accept: 'text/html', 'x-session-state': 'active' } });
  expect((await proxy(bare)).headers.get('location')).toBe('http://localhost:3001/login?from=proxy&next=%2Faccount');
});

test('a matcher that covers the login page sends nobody round in circles', async () => {
  const answer = await proxy(request('/login', 'anonymous', PEOPLE));
  expect(answer.headers.get('x-middleware-next')).toBe('1');
});
