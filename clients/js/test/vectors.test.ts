// @vitest-environment node
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readAssertion, sessionRef } from '../src/server/assertion.js';
import { fromBase64 } from '../src/server/base64.js';
import { sidgateBackend } from '../src/server/backend.js';
import { type Claims, importKey, InvalidToken, openToken } from '../src/server/token.js';

interface Case {
  name: string;
  token: string;
  keys: string[];
  now: number;
  claims?: Record<string, unknown>;
  events?: unknown;
  accepted?: true;
  refused?: string;
  body: string;
}

function load(name: string) {
  const path = new URL(`../../vectors/${name}.json`, import.meta.url);
  const file = JSON.parse(readFileSync(path, 'utf8')) as {
    issuer: string;
    audience: string;
    leeway: number;
    keys: Record<string, string>;
    cases: Case[];
  };
  const keysOf = (one: Case) => Promise.all(one.keys.map((key) => importKey(fromBase64(file.keys[key]!)!)));
  return { ...file, keysOf };
}

describe('assertions', () => {
  const file = load('assertions');
  const read = async (one: Case) =>
    readAssertion(one.token, { keys: await file.keysOf(one), upstream: file.audience }, one.now);

  test.each(file.cases.filter((one) => one.claims))('accepted: $name', async (one) => {
    const { state, session, site } = await read(one);
    const claims = one.claims!;
    expect(state).toBe(claims.state);
    expect(site).toBe(claims.site ?? null);
    if (state !== 'active') return expect(session).toBeNull();
    expect(session).toMatchObject({
      user: { id: claims.sub, tenantId: claims.tid ?? null },
      session: { id: claims.sid },
      attributes: claims.attrs ?? {},
      stale: claims.stale ?? null,
      site: claims.site ?? null,
    });
    expect(sessionRef(session!)).toBe(claims.ref ?? null);
    expect(session!.user.email).toBe(claims.email);
    expect(session!.authTime && Date.parse(session!.authTime) / 1_000).toBe(claims.auth_time ?? null);
  });

  test.each(file.cases.filter((one) => one.refused))('refused: $name', async (one) => {
    await expect(read(one)).rejects.toThrow(InvalidToken);
  });

  test('no message repeats the token', async () => {
    for (const one of file.cases.filter((one) => one.refused)) {
      const message = await read(one).catch((why: Error) => why.message);
      expect(message).not.toContain('eyJ');
    }
  });

  test('no single character can change', async () => {
    const good = file.cases[0]!;
    for (let at = 0; at < good.token.length; at++) {
      const changed = good.token[at] === 'A' ? 'B' : 'A';
      const token = good.token.slice(0, at) + changed + good.token.slice(at + 1);
      await expect(read({ ...good, token }), `character ${at}`).rejects.toThrow(InvalidToken);
    }
  });

  test('what is too long is not even hashed', async () => {
    await expect(read({ ...file.cases[0]!, token: 'x'.repeat(40_000) })).rejects.toThrow('too long');
  });
});

describe('backend requests', () => {
  const file = load('backend-requests');
  const backend = sidgateBackend({ authenticate: async () => ({ refused: 'invalid_credentials' }) });

  beforeEach(() => void vi.spyOn(console, 'warn').mockImplementation(() => undefined));
  afterEach(() => void vi.useRealTimers());

  test.each(file.cases)('$name', async (one) => {
    vi.useFakeTimers({ now: one.now * 1_000, toFake: ['Date'] });
    // Without a key nothing is verified at all.
    vi.stubEnv('SIDGATE_KEY', one.keys.map((name) => file.keys[name]).join(',') || Buffer.alloc(32).toString('base64'));
    vi.stubEnv('SIDGATE_UPSTREAM', file.audience.replace(':backend', ''));
    const request = new Request('http://app/__sidgate__/authenticate', { method: 'POST', body: one.body });
    // `Headers` would take white space away, which is for us to judge.
    Object.defineProperty(request, 'headers', { value: { get: () => one.token } });
    expect((await backend(request)).status !== 404).toBe(one.accepted === true);
  });
});

// The gateway reads these; ours are judged by it in the tests of whole apps.
describe('events', () => {
  const file = load('events');

  test.each(file.cases)('$name', async (one) => {
    const opened = openToken(one.token, await file.keysOf(one), file);
    const isRead = opened.then(isWhole, (why) => !(why instanceof InvalidToken));
    expect(await isRead).toBe(one.refused !== 'signature' && one.refused !== 'malformed');
  });
});

/** Whether an event says when, in answer to what, something, and at which site, if it names one. */
function isWhole({ iat, req, ev, site }: Claims): boolean {
  const isSite = site === undefined || typeof site === 'string';
  return Number.isSafeInteger(iat) && typeof req === 'string' && ev !== undefined && isSite;
}
