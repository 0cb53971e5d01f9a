// The calls of the description of the system that Sidgate replaces, as they stand there.
import { expect, test, vi } from 'vitest';
import sessionManager, { sessionManager as named, sessionManagerEnhanced } from '../src/index.js';
import { empty, gateway, json, view } from './support.js';

test('direct session management', async () => {
  const fetch = gateway({
    'GET /session-v2': () => json(view()),
    'POST /session-v2': () => json(view(), 201),
    'DELETE /session-v2': () => empty(),
  });
  vi.stubGlobal('fetch', fetch);
  const [email, password] = ['test@example.com', 'password'];

  // Get current session
  const session = await sessionManager.getSession();

  // Create session (login)
  await sessionManager.createSession(email, password);

  // Logout
  await sessionManager.logout();

  // Clear cache (force refresh)
  sessionManager.clearCache();

  expect(session?.user.email).toBe('7@example.com');
  expect(fetch.mock.calls.map(([, init]) => init!.method)).toEqual(['GET', 'POST', 'DELETE']);
  vi.unstubAllGlobals();
});

test('performance metrics', async () => {
  vi.stubGlobal('fetch', gateway({ 'GET /session-v2': () => json(view()) }));
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await sessionManagerEnhanced.getSession();

  // Automatic multi-tier caching
  const session = await sessionManagerEnhanced.getSession();

  // Performance metrics
  const metrics = sessionManagerEnhanced.getMetrics();
  console.log(`Cache hit rate: ${metrics.cacheHitRate}%`);

  expect(session?.authenticated).toBe(true);
  expect(log.mock.lastCall![0]).toMatch(/^Cache hit rate: [\d.]+%$/);
  expect(metrics.cacheHits).toBe(1);
  expect(sessionManagerEnhanced).toBe(named);
  vi.unstubAllGlobals();
});
