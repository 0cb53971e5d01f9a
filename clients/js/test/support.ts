import { createHmac } from 'node:crypto';
import { vi } from 'vitest';
import type { Session } from '../src/types.js';

export const KEY = Buffer.alloc(32, 7);

/** A session as Sidgate shows it. */
export function view(id = '7', members: Partial<Session> = {}): Session {
  return {
    authenticated: true,
    user: { id, email: `${id}@example.com`, name: 'Ada', tenantId: 'acme' },
    tenantId: 'acme',
    needsOnboarding: false,
    session: {
      id: `handle-${id}`,
      createdAt: '2026-11-24T06:00:00Z',
      expiresAt: '2999-01-01T00:00:00Z',
      lastActivity: '2026-11-24T06:00:00Z',
    },
    ...members,
  };
}

export const NOBODY = { authenticated: false, user: null };

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
}

export const problem = (status: number, code: string, headers = {}) =>
  json({ type: 'about:blank', title: `title of ${code}`, status, code }, status, headers);

export const empty = (status = 204) => new Response(null, { status });

type Answers = Record<string, (body: unknown) => Response | Promise<Response>>;

/** A Sidgate that answers by `METHOD /path`; what it is not told about fails like a broken network. */
export function gateway(answers: Answers) {
  return vi.fn(async (url: RequestInfo | URL, init?: RequestInit) => {
    const answer = answers[`${init?.method} ${String(url).replace('/api/auth', '')}`];
    if (answer === undefined) throw new TypeError('Failed to fetch');
    return answer(init?.body === undefined ? undefined : JSON.parse(init.body as string));
  });
}

/** A promise to be kept later. */
export function later<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

/** An assertion as the gateway signs it, for the app `next`, issued now. */
export function assertion(claims: Record<string, unknown>, key = KEY): string {
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payload = { iss: 'sidgate', aud: 'next', iat: now, exp: now + 60, ...claims };
  const signed = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(payload)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

export const ACTIVE = { state: 'active', sid: 'handle-7', sub: '7', tid: 'acme', email: 'ada@example.com' };

/** A request and an answer of the Pages Router, as far as handlers use them. */
export function pages(headers: Record<string, string | string[]> = {}) {
  const sent = { status: 200, headers: {} as Record<string, unknown>, body: undefined as unknown };
  const end = (body: unknown) => {
    sent.body = body;
    res.headersSent = true;
  };
  const res = {
    headersSent: false,
    status: (code: number) => ((sent.status = code), res),
    getHeader: (name: string) => sent.headers[name.toLowerCase()],
    setHeader: (name: string, value: unknown) => ((sent.headers[name.toLowerCase()] = value), res),
    json: end,
    end,
  };
  return { req: { headers } as any, res: res as any, sent };
}
