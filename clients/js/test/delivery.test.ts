// @vitest-environment node
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withServerSession } from '../src/next.js';
import { withServerSession as withApiSession } from '../src/pages.js';
import { ACTIVE, assertion, KEY } from './support.js';

const COOKIES = ['sid=abc; Path=/; HttpOnly', 'old=; Max-Age=0; Path=/', 'old=; Max-Age=0; Path=/app'];
const ADA = { user: { id: 'ada', email: 'ada@example.com' } };

let gateway: Server;
let status: number;
let asked: IncomingHttpHeaders[];

beforeEach(async () => {
  [status, asked] = [204, []];
  gateway = createServer((request, answer) => {
    asked.push(request.headers);
    answer.writeHead(status, { 'set-cookie': COOKIES }).end();
  });
  await new Promise<void>((open) => gateway.listen(0, '127.0.0.1', open));
  vi.stubEnv('SIDGATE_KEY', KEY.toString('base64'));
  vi.stubEnv('SIDGATE_EVENTS_URL', `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/authz/event`);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await new Promise((closed) => gateway.close(closed));
});

const headers = () => ({
  'x-session-assertion': assertion(ACTIVE),
  'x-request-id': 'a.5.b',
  'x-forwarded-for': '192.0.2.7',
  'user-agent': 'Browser',
});
const request = (): any => new Request('http://localhost/', { headers: headers() });

test('a route handler gives the browser the cookies of the gateway', async () => {
  const handler = withServerSession(async (req, res) => {
    await req.sessionEvents.login(ADA);
    await req.sessionEvents.send({ type: 'ref', ref: 'cart' });
    return res.json({ done: true });
  });
  const answer = await handler(request(), {});
  expect(answer.status).toBe(200);
  expect(answer.headers.getSetCookie()).toEqual(COOKIES);
  expect(answer.headers.has('x-session-event')).toBe(false);
  expect(answer.headers.get('cache-control')).toBe('private, no-store');
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({ 'x-request-id': 'a.5.b', 'x-forwarded-for': '192.0.2.7', 'user-agent': 'Browser' });
  const [, payload] = String(asked[0]!['x-session-event']).split('.');
  expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({
    req: 'a.5.b',
    ev: [{ type: 'login' }, { type: 'ref' }],
  });
});

test('a login that the gateway does not take is told to nobody', async () => {
  const handler = withServerSession(async (req, res) => {
    await req.sessionEvents.login(ADA);
    return res.json({ done: true });
  });
  for (status of [400, 409, 503, 200, 302]) {
    const answer = await handler(request(), {});
    expect(answer.status).toBe(503);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await answer.json()).toMatchObject({ code: 'unavailable' });
  }
  vi.stubEnv('SIDGATE_EVENTS_URL', 'http://127.0.0.1:9/authz/event');
  expect((await handler(request(), {})).status).toBe(503);
});

test('what is no login and no logout leaves the answer as it is', async () => {
  status = 503;
  const handler = withServerSession(async (req, res) => {
    await req.sessionEvents.update({ tenant_id: 'acme' });
    return res.json({ done: true });
  });
  expect((await handler(request(), {})).status).toBe(200);
  const answer = await api(async (req, res) => {
    await req.sessionEvents.update({ tenant_id: 'acme' });
    res.end('ok');
  });
  expect(answer.status).toBe(200);
});

/** An API route of the Pages Router in a real server, and what it answers. */
async function api(handler: (req: any, res: any) => unknown): Promise<Response> {
  const wrapped = withApiSession(handler as any);
  const server = createServer((req, res: any) => {
    res.status = (code: number) => ((res.statusCode = code), res);
    void wrapped(req as any, res).catch(() => undefined);
  });
  await new Promise<void>((open) => server.listen(0, '127.0.0.1', open));
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { headers: headers() });
  await answer.clone().text();
  await new Promise((closed) => server.close(closed));
  return answer;
}

test('an API route tells the gateway at once, and once', async () => {
  const answer = await api(async (req, res) => {
    await req.sessionEvents.send({ type: 'rotate' });
    await expect(req.sessionEvents.logout()).rejects.toThrow('one call');
    res.end('ok');
  });
  expect(asked).toHaveLength(1);
  expect(answer.headers.getSetCookie()).toEqual(COOKIES);
});

test('cookies of an API route stand beside those of the gateway, whenever they are set', async () => {
  const ways: [(res: any) => unknown, string[]][] = [
    [(res) => res.setHeader('Set-Cookie', 'own=1'), ['own=1']],
    [(res) => res.setHeader('set-cookie', ['own=1', 'two=2']), ['own=1', 'two=2']],
    [(res) => res.writeHead(200, { 'Set-Cookie': 'own=1' }), ['own=1']],
    [(res) => res.writeHead(200, 'Fine', ['Set-Cookie', 'own=1', 'set-cookie', 'two=2']), ['own=1', 'two=2']],
  ];
  for (const [way, own] of ways) {
    const answer = await api(async (req, res) => {
      await req.sessionEvents.login(ADA);
      way(res);
      res.end('ok');
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.getSetCookie()).toEqual([...own, ...COOKIES]);
  }
});

test('an API route is told of a login that the gateway does not take', async () => {
  status = 409;
  const answer = await api(async (req, res) => {
    await req.sessionEvents.login(ADA);
    res.end('ok');
  });
  expect(answer.status).toBe(503);
  expect(answer.headers.getSetCookie()).toEqual([]);
});

test('an answer without events asks nobody', async () => {
  const handler = withServerSession(async (_req, res) => res.json({}));
  await handler(request(), {});
  expect(asked).toEqual([]);
});

test('a URL that is none is named', async () => {
  vi.stubEnv('SIDGATE_EVENTS_URL', '127.0.0.1:3001');
  const handler = withServerSession(async (_req, res) => res.json({}));
  await expect(handler(request(), {})).rejects.toThrow('SIDGATE_EVENTS_URL');
});
