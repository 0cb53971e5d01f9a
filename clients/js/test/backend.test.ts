// @vitest-environment node
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type BackendOptions, sidgateBackend } from '../src/next.js';
import { KEY } from './support.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Record<string, string>;
const CLIENT = { ip: '203.0.113.7', user_agent: 'Firefox' };
const ADA = { user: { id: 'ada' }, tenant_id: 'acme', attributes: { plan: 'pro' }, auth_hash: 'h', ref: 'r' };

beforeEach(() => {
  vi.stubEnv('SIDGATE_KEY', KEY.toString('base64'));
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

/** A call as the gateway makes it. */
function call(path: string, body: unknown, key = KEY): Request {
  const text = JSON.stringify(body);
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const bh = createHash('sha256').update(text).digest('base64url');
  const claims = { iss: 'sidgate', aud: 'next:backend', iat: now, exp: now + 30, bh };
  const signed = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}`;
  const token = `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
  const headers = { 'x-sidgate-request': token, 'content-type': 'application/json' };
  return new Request(`http://127.0.0.1:3001/__sidgate__/${path}`, { method: 'POST', headers, body: text });
}

async function ask(options: BackendOptions, path: string, body: unknown): Promise<[number, unknown]> {
  const answer = await sidgateBackend(options)(call(path, body));
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return [answer.status, await answer.json()];
}

describe('authenticate', () => {
  const body = { email: 'ada@example.com', password: 'secret', otp: '123456', ...CLIENT };

  test('tells the app what was typed and by whom, and the gateway who it is', async () => {
    const authenticate = vi.fn(async () => ADA);
    expect(await ask({ authenticate }, 'authenticate', body)).toEqual([200, ADA]);
    expect(authenticate).toHaveBeenCalledWith({
      email: 'ada@example.com',
      password: 'secret',
      extra: { otp: '123456' },
      client: { ip: '203.0.113.7', userAgent: 'Firefox' },
    });
  });

  test.each([
    [{ refused: 'invalid_credentials' }, 401, { code: 'invalid_credentials' }],
    [{ refused: 'invalid_credentials', account: '7' }, 401, { code: 'invalid_credentials', account: '7' }],
    [{ refused: 'mfa_required', flows: ['totp'] }, 401, { code: 'mfa_required', flows: ['totp'] }],
    [{ refused: 'account_disabled' }, 403, { code: 'account_disabled' }],
    [{ refused: 'locked', retryAfter: 30 }, 429, { code: 'locked', retry_after: 30 }],
  ] as const)('%o is %i', async (refusal, status, said) => {
    const authenticate = async () => refusal as any;
    expect(await ask({ authenticate }, 'authenticate', body)).toEqual([status, said]);
  });

  test('an app that fails is neither a yes nor a no', async () => {
    const authenticate = () => Promise.reject(new Error('no database'));
    await expect(ask({ authenticate }, 'authenticate', body)).rejects.toThrow('no database');
  });

  test('half a question is refused', async () => {
    const authenticate = vi.fn(async () => ADA);
    expect(await ask({ authenticate }, 'authenticate', { email: 'ada@example.com' })).toEqual([400, { code: 'invalid_request' }]);
    expect(authenticate).not.toHaveBeenCalled();
  });
});

describe('introspect', () => {
  test('says whose the old cookies are, and since when', async () => {
    const introspect = vi.fn(async () => ({ ...ADA, auth_time: 1_700_000_000 }));
    const body = { cookies: { old: 'x' }, ...CLIENT };
    expect(await ask({ introspect }, 'introspect', body)).toEqual([200, { ...ADA, auth_time: 1_700_000_000 }]);
    expect(introspect).toHaveBeenCalledWith({ old: 'x' }, { ip: '203.0.113.7', userAgent: 'Firefox' });
  });

  test('or nobody’s', async () => {
    const introspect = async () => null;
    expect(await ask({ introspect }, 'introspect', { cookies: {}, ...CLIENT })).toEqual([401, { code: 'invalid' }]);
  });
});

describe('doctor', () => {
  const authenticate = async () => ADA;

  test('says what the app is', async () => {
    vi.useFakeTimers({ now: 1_800_000_000_250, toFake: ['Date'] });
    vi.stubEnv('NODE_ENV', 'production');
    const [status, facts] = await ask({ authenticate }, 'doctor', {});
    vi.useRealTimers();
    expect(status).toBe(200);
    expect(facts).toEqual({
      package: { name: manifest.name, version: manifest.version },
      framework: { name: 'next' },
      upstream: 'next',
      time_ms: 1_800_000_000_250,
      leeway: 5,
      assertions: 'where_used',
      unsigned: [],
      bypass: 'anonymous',
      own_login: false,
      calls: ['authenticate'],
      debug: false,
      seen: { scheme: 'http', host: null, address: null },
      findings: [],
    });
    expect(JSON.stringify(facts)).not.toContain(KEY.toString('base64'));
  });

  test('of an app that is no backend, in development', async () => {
    const answer = await sidgateBackend()(call('doctor', {}));
    expect(await answer.json()).toMatchObject({ calls: [], debug: true });
  });

  test('says what it saw of the question', async () => {
    const request = call('doctor', {});
    request.headers.set('x-forwarded-proto', 'https');
    const facts = (await (await sidgateBackend()(request)).json()) as { seen: unknown };
    expect(facts.seen).toMatchObject({ scheme: 'https' });
  });
});

describe('to everybody else it is not there', () => {
  const backend = sidgateBackend({ authenticate: async () => ADA });

  test.each([
    ['unsigned', () => new Request('http://127.0.0.1:3001/__sidgate__/authenticate', { method: 'POST', body: '{}' })],
    ['with another key', () => call('authenticate', {}, Buffer.alloc(32, 8))],
    ['to a call that this app does not serve', () => call('introspect', { cookies: {} })],
    ['to a call of a later version', () => call('examine', {})],
    ['who asks what the app is', () => new Request('http://127.0.0.1:3001/__sidgate__/doctor', { method: 'POST', body: '{}' })],
    ['who asks that with another key', () => call('doctor', {}, Buffer.alloc(32, 8))],
  ])('%s', async (_, request) => {
    expect((await backend(request())).status).toBe(404);
  });
});
