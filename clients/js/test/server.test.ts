// @vitest-environment node
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { getServerSession, getSessionSite, getSessionState, sessionRef, SidgateConfigError, withServerSession } from '../src/next.js';
import { withServerSession as withApiSession } from '../src/pages.js';
import { ACTIVE, assertion, KEY, pages } from './support.js';

const URL_ = 'http://localhost/api/tenant';

beforeEach(() => {
  vi.stubEnv('SIDGATE_KEY', KEY.toString('base64'));
  vi.stubEnv('SIDGATE_UPSTREAM', undefined);
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

function request(headers: Record<string, string> = {}): any {
  return new Request(URL_, { headers });
}

const signed = (claims: Record<string, unknown> = ACTIVE) => ({ 'x-session-assertion': assertion(claims) });

// The handler of the description of the system that Sidgate replaces, as it stands there.
const GET = withServerSession(async (req, res) => {
  if (!req.session) {
    return res.status(401).json({ error: 'Unauthorized' });
  }

  // req.session contains user data from backend
  const { user } = req.session;
  return res.json({ tenantId: user.tenantId });
});

describe('withServerSession in the App Router', () => {
  test('gives the handler the signed session', async () => {
    const answer = await GET(request(signed()), {});
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ tenantId: 'acme' });
    expect(answer.headers.get('cache-control')).toBe('private, no-store');
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  test('nobody is nobody', async () => {
    const answer = await GET(request(signed({ state: 'anonymous' })), {});
    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual({ error: 'Unauthorized' });
  });

  test('never believes bare headers', async () => {
    const bare = { 'x-session-user-id': '7', 'x-session-state': 'active', 'x-session-tenant-id': 'acme', 'x-session-id': 'h' };
    expect((await GET(request(bare), {})).status).toBe(401);
    expect((await GET(request({ ...bare, ...signed({ state: 'anonymous' }) }), {})).status).toBe(401);
  });

  test.each([
    ['another key', { 'x-session-assertion': assertion(ACTIVE, Buffer.alloc(32, 8)) }],
    ['another app', signed({ ...ACTIVE, aud: 'django' })],
    ['yesterday', signed({ ...ACTIVE, iat: 1, exp: 61 })],
    ['twice', { 'x-session-assertion': `${assertion(ACTIVE)}, ${assertion(ACTIVE)}` }],
  ])('refuses an assertion of %s', async (_, headers) => {
    expect((await GET(request(headers), {})).status).toBe(401);
  });

  test('passes the context, and a Response of the handler as it is', async () => {
    const handler = withServerSession<{ params: Promise<{ id: string }> }>(async (_req, _res, { params }) => {
      return new Response((await params).id, { headers: { 'cache-control': 'private' } });
    });
    const answer = await handler(request(signed()), { params: Promise.resolve({ id: '81' }) });
    expect(await answer.text()).toBe('81');
    expect(answer.headers.get('cache-control')).toBe('private');
  });

  test('a Response without Cache-Control gets one', async () => {
    const handler = withServerSession(() => Response.json({ hello: 'world' }, { status: 202 }));
    const answer = await handler(request(signed()), {});
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([202, 'private, no-store']);
    expect(await answer.json()).toEqual({ hello: 'world' });
  });

  test('required answers 401 by itself', async () => {
    const called = vi.fn();
    const handler = withServerSession(
      (req, res) => {
        called();
        return res.json({ id: req.session.user.id });
      },
      { required: true },
    );
    const answer = await handler(request(), {});
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(called).not.toHaveBeenCalled();
    expect(await (await handler(request(signed()), {})).json()).toEqual({ id: '7' });
  });

  test('unknown is not nobody', async () => {
    const unknown = request(signed({ state: 'unknown' }));
    const answer = await GET(unknown, {});
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    const state = withServerSession((req, res) => res.json(req.sessionState), { onUnknown: 'pass' });
    expect(await (await state(unknown, {})).json()).toBe('unknown');
    const required = withServerSession((_req, res) => res.end(), { onUnknown: 'pass', required: true });
    expect((await required(unknown, {})).status).toBe(503);
  });

  test('tells the handler the site, of nobody too', async () => {
    const handler = withServerSession((req, res) => res.json([req.sessionState, req.sessionSite]));
    expect(await (await handler(request(signed({ state: 'anonymous', site: 'shop' })), {})).json()).toEqual(['anonymous', 'shop']);
    expect(await (await handler(request(signed()), {})).json()).toEqual(['active', null]);
    expect(await (await handler(request({ 'x-session-site': 'shop' }), {})).json()).toEqual(['bypassed', null]);
  });

  test('knows the other ways to answer', async () => {
    const redirect = withServerSession((_req, res) => res.redirect('/login'));
    const moved = await redirect(request(), {});
    expect([moved.status, moved.headers.get('location')]).toEqual([307, '/login']);
    const other = withServerSession((_req, res) => res.redirect(303, '/done'));
    expect((await other(request(), {})).status).toBe(303);
    const cookies = withServerSession((_req, res) => res.setHeader('set-cookie', ['a=1', 'b=2']).status(204).end());
    expect((await cookies(request(), {})).headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const text = withServerSession((_req, res) => res.setHeader('cache-control', 'private').send('hello'));
    const sent = await text(request(), {});
    expect([await sent.text(), sent.headers.get('cache-control')]).toEqual(['hello', 'private']);
  });
});

describe('withServerSession in the Pages Router', () => {
  test('the same code gives the same answers', async () => {
    const handler = GET as any;
    const active = pages(signed());
    await handler(active.req, active.res);
    expect(active.sent.body).toEqual({ tenantId: 'acme' });
    const nobody = pages({ 'x-session-user-id': '7' });
    await handler(nobody.req, nobody.res);
    expect(nobody.sent).toMatchObject({ status: 401, body: { error: 'Unauthorized' } });
  });

  test('required and unknown too', async () => {
    const handler = withApiSession((_req, res) => res.end(), { required: true });
    const nobody = pages();
    await handler(nobody.req, nobody.res);
    expect(nobody.sent.status).toBe(401);
    expect(JSON.parse(nobody.sent.body as string).code).toBe('unauthenticated');
    const unknown = pages(signed({ state: 'unknown' }));
    await handler(unknown.req, unknown.res);
    expect(unknown.sent.status).toBe(503);
  });

  test('answers are nobody else’s, unless the handler says so', async () => {
    const plain = pages(signed());
    await withApiSession((_req, res) => res.json({}))(plain.req, plain.res);
    expect(plain.sent.headers['cache-control']).toBe('private, no-store');
    const own = pages(signed());
    await withApiSession((_req, res) => res.setHeader('Cache-Control', 'private, max-age=9').json({}))(own.req, own.res);
    expect(own.sent.headers['cache-control']).toBe('private, max-age=9');
  });
});

describe('getServerSession', () => {
  test('reads any kind of request', async () => {
    const headers = signed();
    for (const source of [request(headers), new Headers(headers), { headers }]) {
      expect((await getServerSession(source))?.user).toEqual({ id: '7', email: 'ada@example.com', tenantId: 'acme' });
      expect(await getSessionState(source)).toBe('active');
    }
    expect(await getServerSession({ headers: { 'x-session-assertion': [headers['x-session-assertion']] } })).toBeNull();
  });

  test('what is passed on to the browser holds no reference', async () => {
    const session = await getServerSession(request(signed({ ...ACTIVE, ref: 'secret-ref', ah: 'hash' })));
    expect(sessionRef(session!)).toBe('secret-ref');
    expect(JSON.stringify(session)).not.toMatch(/secret-ref|hash/);
    // React warns of anything else in what a page is given.
    const properties = Object.values(Object.getOwnPropertyDescriptors(session!));
    expect(properties.every(({ enumerable, get }) => enumerable && get === undefined)).toBe(true);
  });

  test('the states without a session', async () => {
    expect(await getSessionState(request())).toBe('bypassed');
    for (const state of ['anonymous', 'unknown', 'none']) {
      expect(await getSessionState(request(signed({ state })))).toBe(state);
      expect(await getServerSession(request(signed({ state })))).toBeNull();
    }
  });

  test('the site is told whoever asks', async () => {
    const states = [ACTIVE, ...['anonymous', 'unknown', 'none'].map((state) => ({ state }))];
    for (const claims of states) {
      expect(await getSessionSite(request(signed({ ...claims, site: 'shop' })))).toBe('shop');
      expect(await getSessionSite(request(signed(claims)))).toBeNull();
    }
    expect(await getServerSession(request(signed({ ...ACTIVE, site: 'shop' })))).toMatchObject({ site: 'shop' });
    expect(await getServerSession(request(signed()))).toMatchObject({ site: null });
  });

  test.each([ACTIVE, { state: 'anonymous' }])('a site that is no text is nothing of the gateway: %o', async (claims) => {
    const odd = request(signed({ ...claims, site: 7 }));
    expect([await getSessionState(odd), await getSessionSite(odd), await getServerSession(odd)]).toEqual(['bypassed', null, null]);
  });

  test('onboarding is an attribute', async () => {
    const session = await getServerSession(request(signed({ ...ACTIVE, attrs: { needs_onboarding: true } })));
    expect(session!.needsOnboarding).toBe(true);
  });
});

describe('the environment', () => {
  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['not base64', 'x'],
    ['too short', Buffer.alloc(31).toString('base64')],
    ['half of a list', `${KEY.toString('base64')},`],
  ])('a key that is %s is an error, not an anonymous visitor', async (_, key) => {
    vi.stubEnv('SIDGATE_KEY', key);
    await expect(GET(request(signed()), {})).rejects.toThrow(SidgateConfigError);
    await expect(getServerSession(request())).rejects.toThrow('SIDGATE_KEY');
  });

  test('two keys are accepted while they rotate', async () => {
    vi.stubEnv('SIDGATE_KEY', `${Buffer.alloc(32, 1).toString('base64')}, ${KEY.toString('base64')}`);
    expect((await GET(request(signed()), {})).status).toBe(200);
  });

  test('the name of the app decides the audience', async () => {
    vi.stubEnv('SIDGATE_UPSTREAM', 'shop');
    expect((await GET(request(signed()), {})).status).toBe(401);
    expect((await GET(request(signed({ ...ACTIVE, aud: 'shop' })), {})).status).toBe(200);
  });
});
