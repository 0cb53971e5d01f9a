import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createSessionManager, SessionError } from '../src/index.js';
import { empty, gateway, json, later, NOBODY, problem, view } from './support.js';

type Gateway = ReturnType<typeof gateway>;

const manage = (fetch: Gateway, options = {}) => createSessionManager({ fetch, channel: false, ...options });
const count = (fetch: Gateway, method: string) => fetch.mock.calls.filter(([, init]) => init?.method === method).length;

describe('getSession', () => {
  test('asks once, then answers from memory', async () => {
    const fetch = gateway({ 'GET /session-v2': () => json(view()) });
    const manager = manage(fetch);
    const [one, two] = await Promise.all([manager.getSession(), manager.getSession()]);
    expect(one).toEqual(view());
    expect(two).toBe(one);
    expect(await manager.getSession()).toBe(one);
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(fetch.mock.calls[0]).toMatchObject(['/api/auth/session-v2', { credentials: 'same-origin', cache: 'no-store' }]);
  });

  test('asks again when forced, forgotten or old', async () => {
    vi.useFakeTimers();
    const fetch = gateway({ 'GET /session-v2': () => json(view()) });
    const manager = manage(fetch);
    await manager.getSession();
    await manager.getSession({ force: true });
    manager.clearCache();
    await manager.getSession();
    expect(fetch).toHaveBeenCalledTimes(3);
    vi.advanceTimersByTime(299_000);
    await manager.getSession();
    expect(fetch).toHaveBeenCalledTimes(3);
    vi.advanceTimersByTime(2_000);
    await manager.getSession();
    expect(fetch).toHaveBeenCalledTimes(4);
    vi.useRealTimers();
  });

  test('nobody is an answer, not an error', async () => {
    for (const answer of [() => json(NOBODY), () => problem(401, 'unauthenticated')]) {
      const manager = manage(gateway({ 'GET /session-v2': answer }));
      expect(await manager.getSession()).toBeNull();
      expect(manager.getSnapshot()).toMatchObject({ data: null, status: 'unauthenticated', error: null });
    }
  });

  test.each([
    ['a broken network', () => Promise.reject(new TypeError('Failed to fetch')), 'network_error'],
    ['503', () => problem(503, 'unavailable', { 'retry-after': '3' }), 'unavailable'],
    ['an HTML page', () => new Response('<!doctype html>', { status: 200 }), 'bypassed'],
    ['a page of the app that is not there', () => new Response('<h1>404</h1>', { status: 404 }), 'bypassed'],
    ['JSON of an app that knows no such path', () => json({ detail: 'Not Found' }, 404), 'bypassed'],
    ['somebody else’s JSON', () => json({ hello: 'world' }), 'bad_answer'],
    ['half a session', () => json({ authenticated: true, user: { id: '7' } }), 'bad_answer'],
  ])('%s is neither a yes nor a no', async (_, answer, code) => {
    let broken = false;
    const manager = manage(gateway({ 'GET /session-v2': () => (broken ? answer() : json(view())) }));
    await manager.getSession();
    broken = true;
    const error: SessionError = await manager.getSession({ force: true }).then(() => expect.fail(), (why) => why);
    expect(error).toBeInstanceOf(SessionError);
    expect(error.code).toBe(code);
    expect(error.isUnknown).toBe(true);
    expect(manager.getSnapshot()).toMatchObject({ data: view(), status: 'authenticated', error });
    broken = false;
    await manager.getSession({ force: true });
    expect(manager.getSnapshot().error).toBeNull();
  });

  test('without a first answer nothing is known', async () => {
    const manager = manage(gateway({}));
    await manager.getSession().catch(() => undefined);
    expect(manager.getSnapshot()).toMatchObject({ data: null, status: 'loading' });
    expect(manager.getSnapshot().error).toBeInstanceOf(SessionError);
  });

  test('forced twice, the later question has the last word, in whichever order answers come', async () => {
    for (const order of [[0, 1], [1, 0]]) {
      const slow = [later<Response>(), later<Response>()];
      const waiting = [...slow];
      const manager = manage(gateway({ 'GET /session-v2': () => waiting.shift()!.promise }));
      const asked = [manager.getSession({ force: true }), manager.getSession({ force: true })];
      for (const at of order) {
        slow[at]!.resolve(json(view(`${at}`)));
        await asked[at];
      }
      expect(manager.getSnapshot().data?.user.id).toBe('1');
      expect((await asked[0])?.user.id).toBe(`${order[0]}`);
      expect((await asked[1])?.user.id).toBe('1');
    }
  });

  test('a request that hangs is given up', async () => {
    const hangs = vi.fn((_: unknown, init?: RequestInit) => {
      return new Promise<Response>((_resolve, reject) => {
        init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason));
      });
    });
    const manager = createSessionManager({ fetch: hangs, channel: false, timeoutMs: 20 });
    await expect(manager.getSession()).rejects.toMatchObject({ code: 'network_error', status: 0 });
  });
});

describe('login and logout', () => {
  test('a login is remembered', async () => {
    const login = vi.fn((_: unknown) => json(view(), 201));
    const fetch = gateway({ 'POST /session-v2': login });
    const manager = manage(fetch);
    const session = await manager.createSession('a@x', 'password', { otp: '123456' });
    expect(session).toEqual(view());
    expect(login).toHaveBeenCalledWith({ email: 'a@x', password: 'password', otp: '123456' });
    expect(fetch.mock.calls[0]![1]!.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(await manager.getSession()).toEqual(view());
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  test('extra cannot replace the credentials', async () => {
    const login = vi.fn((_: unknown) => json(view(), 201));
    await manage(gateway({ 'POST /session-v2': login })).createSession('a@x', 'secret', { password: 'other' });
    expect(login).toHaveBeenCalledWith({ email: 'a@x', password: 'secret' });
  });

  test.each([
    [401, 'invalid_credentials'],
    [401, 'mfa_required'],
    [403, 'account_disabled'],
    [429, 'locked'],
    [503, 'unavailable'],
  ])('a login refused with %i %s says so', async (status, code) => {
    const manager = manage(gateway({ 'POST /session-v2': () => problem(status, code, { 'retry-after': '30' }) }));
    const refused = { status, code, retryAfter: 30, message: `title of ${code}`, body: { code } };
    await expect(manager.createSession('a@x', 'wrong')).rejects.toMatchObject(refused);
    expect(manager.getSnapshot().status).toBe('loading');
  });

  test('a second factor is asked for, and completes the login', async () => {
    const login = vi.fn((body: unknown) =>
      (body as { otp?: string }).otp === '123456'
        ? json(view(), 201)
        : json({ code: 'mfa_required', title: 'Another factor is required', flows: ['totp', 7, 'recovery_codes'] }, 401),
    );
    const manager = manage(gateway({ 'POST /session-v2': login }));
    const refused: SessionError = await manager.createSession('a@x', 'password').catch((error) => error);
    expect(refused).toMatchObject({ status: 401, isMfaRequired: true, flows: ['totp', 'recovery_codes'] });
    expect(manager.getSnapshot().data).toBeNull();
    expect(await manager.createSession('a@x', 'password', { otp: '123456' })).toEqual(view());
    expect(login).toHaveBeenLastCalledWith({ email: 'a@x', password: 'password', otp: '123456' });
  });

  test('other refusals have no flows', () => {
    const flows = (code: string, body: unknown) => new SessionError({ status: 401, code, message: '', body }).flows;
    expect(flows('invalid_credentials', { flows: ['totp'] })).toEqual([]);
    expect(flows('mfa_required', null)).toEqual([]);
    expect(flows('mfa_required', { flows: 'totp' })).toEqual([]);
  });

  test('a logout is remembered, unless it failed', async () => {
    let answer = () => problem(503, 'unavailable');
    const manager = manage(gateway({ 'GET /session-v2': () => json(view()), 'DELETE /session-v2': () => answer() }));
    await manager.getSession();
    await expect(manager.logout()).rejects.toMatchObject({ status: 503 });
    expect(manager.getSnapshot().status).toBe('authenticated');
    answer = () => empty();
    await manager.logout();
    expect(manager.getSnapshot()).toMatchObject({ data: null, status: 'unauthenticated', error: null });
  });

  test('everywhere is another call', async () => {
    const all = vi.fn(() => json({ revoked: 3, nodes: 1, acked: 1, worst_ms: 4 }));
    const manager = manage(gateway({ 'DELETE /sessions?scope=all': all }));
    await manager.logout({ everywhere: true });
    expect(all).toHaveBeenCalledTimes(1);
  });

  test('a late answer cannot undo a logout', async () => {
    const slow = later<Response>();
    const manager = manage(gateway({ 'GET /session-v2': () => slow.promise, 'DELETE /session-v2': () => empty() }));
    const asked = manager.getSession();
    await manager.logout();
    slow.resolve(json(view()));
    expect(await asked).toBeNull();
    expect(manager.getSnapshot().status).toBe('unauthenticated');
  });

  test('a late failure is no news', async () => {
    const slow = later<Response>();
    const manager = manage(gateway({ 'GET /session-v2': () => slow.promise, 'DELETE /session-v2': () => empty() }));
    const asked = manager.getSession();
    await manager.logout();
    slow.resolve(problem(503, 'unavailable'));
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
    expect(manager.getSnapshot()).toMatchObject({ status: 'unauthenticated', error: null });
  });

  test('a late answer cannot replace a login either', async () => {
    const slow = later<Response>();
    const manager = manage(gateway({ 'GET /session-v2': () => slow.promise, 'POST /session-v2': () => json(view('8'), 201) }));
    const asked = manager.getSession();
    await manager.createSession('a@x', 'password');
    slow.resolve(json(NOBODY));
    await asked;
    expect(manager.getSnapshot().data?.user.id).toBe('8');
  });

  test('the last call has the last word, however slow the first', async () => {
    const slow = later<Response>();
    const manager = manage(gateway({ 'POST /session-v2': () => slow.promise, 'DELETE /session-v2': () => empty() }));
    const login = manager.createSession('a@x', 'password');
    const logout = manager.logout();
    slow.resolve(json(view(), 201));
    await Promise.all([login, logout]);
    expect(manager.getSnapshot().status).toBe('unauthenticated');
  });
});

describe('devices', () => {
  const device = { id: 'handle-8', current: false, device: { label: 'Chrome on Linux', user_agent: 'x' } };

  test('are listed', async () => {
    const manager = manage(gateway({ 'GET /sessions': () => json({ sessions: [device] }) }));
    expect(await manager.listSessions()).toEqual([device]);
  });

  test('are listed page by page, each once', async () => {
    const [second, third] = ['handle-5', 'handle-6'].map((id) => ({ ...device, id }));
    const manager = manage(
      gateway({
        'GET /sessions': () => json({ sessions: [device, second], next: '1.a' }),
        'GET /sessions?after=1.a': () => json({ sessions: [second, third] }),
      }),
    );
    expect(await manager.listSessions()).toEqual([device, second, third]);
  });

  test('are revoked, or were not there', async () => {
    const manager = manage(
      gateway({ 'DELETE /sessions/handle-8': () => empty(), 'DELETE /sessions/a%2Fb': () => problem(404, 'not_found') }),
    );
    expect(await manager.revokeSession('handle-8')).toBe(true);
    expect(await manager.revokeSession('a/b')).toBe(false);
  });

  test('revoking this one is a logout', async () => {
    const manager = manage(gateway({ 'GET /session-v2': () => json(view()), 'DELETE /sessions/handle-7': () => empty() }));
    await manager.getSession();
    await manager.revokeSession('handle-7');
    expect(manager.getSnapshot().status).toBe('unauthenticated');
  });

  test('others are counted', async () => {
    const manager = manage(gateway({ 'DELETE /sessions?scope=others': () => json({ revoked: 2 }) }));
    expect((await manager.revokeOthers()).revoked).toBe(2);
  });

  test('401 says that nobody is logged in', async () => {
    const manager = manage(gateway({ 'GET /sessions': () => problem(401, 'unauthenticated') }));
    await expect(manager.listSessions()).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(manager.getSnapshot().status).toBe('unauthenticated');
  });
});

test('migrate turns old cookies into a session', async () => {
  const answers: Response[] = [json({ ...view(), migrated: true }), json({ ...NOBODY, migrated: false }), problem(401, 'legacy_refused')];
  const manager = manage(gateway({ 'POST /migrate-session': () => answers.shift()! }));
  expect(await manager.migrate()).toMatchObject({ migrated: true, session: { user: { id: '7' } } });
  expect(await manager.migrate()).toEqual({ migrated: false, session: null });
  expect(await manager.migrate()).toEqual({ migrated: false, session: null });
  expect(manager.getSnapshot().status).toBe('unauthenticated');
});

test('metrics count what happened', async () => {
  let fail = false;
  const fetch = gateway({ 'GET /session-v2': () => (fail ? problem(500, 'x') : json(view())) });
  const manager = manage(fetch);
  expect(manager.getMetrics()).toEqual({
    requests: 0, cacheHits: 0, cacheMisses: 0, cacheHitRate: 0, errors: 0, lastLatencyMs: null, p50: null, p95: null,
  });
  await manager.getSession();
  await manager.getSession();
  await manager.getSession();
  fail = true;
  await manager.getSession({ force: true }).catch(() => undefined);
  const metrics = manager.getMetrics();
  expect(metrics).toMatchObject({ requests: 2, cacheHits: 2, cacheMisses: 2, cacheHitRate: 50, errors: 1 });
  expect(metrics.p95).toBeGreaterThanOrEqual(metrics.p50!);
  expect(count(fetch, 'GET')).toBe(2);
});

test('on a server it says where to look', async () => {
  const { window } = globalThis;
  vi.stubGlobal('window', undefined);
  const error = await createSessionManager({ channel: false }).getSession().catch((why) => why);
  vi.stubGlobal('window', window);
  expect(error).toMatchObject({ code: 'not_in_browser' });
  expect(error.message).toContain('getServerSession');
});

describe('tabs', () => {
  const channel = `test ${Math.random()}`;
  let here: Gateway;
  let there: Gateway;
  let loggedIn = false;
  let leave: Array<() => void>;

  function tab() {
    const fetch = gateway({
      'GET /session-v2': () => json(loggedIn ? view() : NOBODY),
      'POST /session-v2': () => ((loggedIn = true), json(view(), 201)),
      'DELETE /session-v2': () => ((loggedIn = false), empty()),
    });
    const manager = createSessionManager({ fetch, channel });
    leave.push(manager.subscribe(() => undefined));
    return [fetch, manager] as const;
  }

  beforeEach(() => void (leave = []));
  afterEach(() => leave.forEach((stop) => stop()));

  test('follow each other', async () => {
    const [fetchA, a] = tab();
    const [fetchB, b] = tab();
    [here, there] = [fetchA, fetchB];
    await vi.waitFor(() => expect(b.getSnapshot().status).toBe('unauthenticated'));
    await a.createSession('a@x', 'password');
    await vi.waitFor(() => expect(b.getSnapshot().status).toBe('authenticated'));
    await b.logout();
    await vi.waitFor(() => expect(a.getSnapshot().status).toBe('unauthenticated'));
    expect(count(here, 'DELETE') + count(there, 'POST')).toBe(0);
  });

  test('news of strangers are ignored', async () => {
    const [fetch, manager] = tab();
    await vi.waitFor(() => expect(manager.getSnapshot().status).toBe('unauthenticated'));
    const stranger = new BroadcastChannel(channel);
    stranger.postMessage({ v: 2, type: 'logout' });
    stranger.postMessage('logout');
    stranger.postMessage({ v: 1, type: 'promote' });
    await new Promise((done) => setTimeout(done, 50));
    expect(fetch).toHaveBeenCalledTimes(1);
    stranger.close();
  });
});
