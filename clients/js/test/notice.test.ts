import { afterEach, expect, test, vi } from 'vitest';
import { createSessionManager } from '../src/index.js';
import { gateway, json, problem } from './support.js';

const HTML = () => new Response('<!doctype html>', { status: 404 });

async function ask(answer: () => Response): Promise<string | undefined> {
  const manager = createSessionManager({ fetch: gateway({ 'GET /session-v2': answer }), channel: false });
  await manager.getSession().catch(() => undefined);
  await manager.getSession({ force: true }).catch(() => undefined);
  return document.querySelector('[role=alert]')?.textContent ?? undefined;
}

afterEach(() => document.body.replaceChildren());

test('in development a page at the wrong address says so, once', async () => {
  vi.stubEnv('NODE_ENV', 'development');
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  expect(await ask(HTML)).toContain('sidgate dev --upstream 3000');
  expect(document.querySelectorAll('[role=alert]')).toHaveLength(1);
  expect(warn).toHaveBeenCalledTimes(1);
});

test('in production it does not', async () => {
  vi.stubEnv('NODE_ENV', 'production');
  expect(await ask(HTML)).toBeUndefined();
});

test.each([
  ['a gateway that is away', () => problem(503, 'unavailable')],
  ['nobody', () => json({ authenticated: false, user: null })],
])('%s is no reason', async (_, answer) => {
  vi.stubEnv('NODE_ENV', 'development');
  expect(await ask(answer)).toBeUndefined();
});
