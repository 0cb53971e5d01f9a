// @vitest-environment node
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { withServerSession } from '../src/next.js';
import { withServerSession as withApiSession } from '../src/pages.js';
import { sentEvents } from '../src/testing.js';
import { ACTIVE, assertion, KEY, pages } from './support.js';

const ADA = { user: { id: 'ada', email: 'ada@example.com' } };

beforeEach(() => {
  vi.stubEnv('SIDGATE_KEY', KEY.toString('base64'));
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

const headers = () => ({ 'x-session-assertion': assertion(ACTIVE), 'x-request-id': 'request-1' });
const request = (sent: Record<string, string> = headers()): any => new Request('http://localhost/', { headers: sent });

function claims(response: Response): Record<string, unknown> {
  const [, payload] = response.headers.get('x-session-event')!.split('.');
  return JSON.parse(Buffer.from(payload!, 'base64url').toString());
}

describe('events of a route handler', () => {
  test('are signed for the request, all in one header', async () => {
    const handler = withServerSession(async (req, res) => {
      await req.sessionEvents.logout({ scope: 'others' });
      await req.sessionEvents.update({ tenant_id: 'b' });
      await req.sessionEvents.send({ type: 'rotate' }, { type: 'ref', ref: null });
      return res.json({});
    });
    const answer = await handler(request(), {});
    const now = Math.floor(Date.now() / 1_000);
    expect(claims(answer)).toEqual({
      iss: 'next',
      aud: 'sidgate',
      iat: expect.closeTo(now, -1),
      req: 'request-1',
      ev: [
        { type: 'logout', scope: 'others' },
        { type: 'update', identity: { tenant_id: 'b' } },
        { type: 'rotate' },
        { type: 'ref', ref: null },
      ],
    });
    expect(answer.headers.get('cache-control')).toBe('private, no-store');
  });

  test('name the site of the request, where there are sites', async () => {
    const handler = withServerSession(async (req, res) => {
      await req.sessionEvents.logout();
      return res.end();
    });
    const at = (site?: string) => request({ ...headers(), 'x-session-assertion': assertion({ state: 'anonymous', site }) });
    expect(claims(await handler(at('shop'), {}))).toMatchObject({ req: 'request-1', site: 'shop' });
    expect(claims(await handler(at(), {}))).not.toHaveProperty('site');
  });

  test('reach an answer that cannot be changed, and need not be awaited', async () => {
    const handler = withServerSession((req) => {
      void req.sessionEvents.login(ADA, { ttl: 60, remember: true });
      return Response.redirect('http://localhost/welcome', 303);
    });
    const answer = await handler(request(), {});
    expect([answer.status, answer.headers.get('location')]).toEqual([303, 'http://localhost/welcome']);
    expect(await sentEvents(answer)).toEqual([{ type: 'login', identity: ADA, ttl: 60, remember: true }]);
  });

  test('are not there unless asked for', async () => {
    const answer = await withServerSession((_req, res) => res.end())(request(), {});
    expect(answer.headers.has('x-session-event')).toBe(false);
    expect(await sentEvents(answer)).toEqual([]);
  });

  test.each([
    ['nothing of the gateway', {}],
    ['a request id alone', { 'x-request-id': 'request-1' }],
    ['a forged assertion', { 'x-request-id': 'request-1', 'x-session-assertion': assertion(ACTIVE, Buffer.alloc(32, 8)) }],
    ['no request id', { 'x-session-assertion': assertion(ACTIVE) }],
  ])('with %s it says what is wrong, instead of signing', async (_, sent) => {
    const handler = withServerSession(async (req, res) => {
      await req.sessionEvents.login(ADA);
      return res.end();
    });
    await expect(handler(request(sent), {})).rejects.toThrow('did not come through the gateway');
  });
});

describe('events of the Pages Router', () => {
  test('are on the answer before it is sent', async () => {
    const { req, res, sent } = pages(headers());
    await withApiSession(async (req, res) => {
      await req.sessionEvents.login(ADA);
      await req.sessionEvents.logout();
      res.json({ done: true });
    })(req, res);
    const [login, logout] = await sentEvents(sent.headers['x-session-event'] as string);
    expect([login?.type, logout?.type]).toEqual(['login', 'logout']);
  });

  test('that come too late are an error, not a silence', async () => {
    const { req, res } = pages(headers());
    const handler = withApiSession((req, res) => {
      void req.sessionEvents.login(ADA).catch(() => undefined);
      res.json({ done: true });
    });
    await expect(handler(req, res)).rejects.toThrow('await each call');
  });
});

test('in development the message names the command that helps', async () => {
  vi.stubEnv('NODE_ENV', 'development');
  vi.stubEnv('PORT', '3001');
  const handler = withServerSession(async (req, res) => {
    await req.sessionEvents.logout();
    return res.end();
  });
  await expect(handler(request({}), {})).rejects.toThrow('"sidgate dev --upstream 3001"');
});
