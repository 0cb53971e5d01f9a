/** For the tests of an app: requests and pages of people who are logged in, without a gateway. */
import { createSessionManager, type SessionManager } from './browser/manager.js';
import { toBase64url } from './server/base64.js';
import { serverConfig } from './server/config.js';
import { EVENT_HEADER, type SessionEvent } from './server/events.js';
import { unixSeconds } from './server/request.js';
import { openToken, signToken } from './server/token.js';
import type { Session, SessionAttributes, SessionUser } from './types.js';

export type { SessionEvent } from './server/events.js';

/** Somebody who is logged in, as far as a test cares. */
export interface TestSession {
  user: Partial<SessionUser> & { id: string };
  tenantId?: string | null;
  needsOnboarding?: boolean;
  /** What servers are told. */
  attributes?: Partial<SessionAttributes>;
  /** Handle of the session. */
  id?: string;
  /** When they logged in. */
  authTime?: Date;
}

/**
 * The headers with which a request of this person comes from the gateway; `null` for nobody. `site`: where it comes in, of a
 * gateway with `[[sites]]`. Without `SIDGATE_KEY` in the environment it sets one.
 *
 *     await GET(new NextRequest('http://localhost/api/me', { headers: await sessionHeaders({ user: { id: '7' } }) }), {});
 */
export async function sessionHeaders(
  session: TestSession | null,
  { site }: { site?: string } = {},
): Promise<Record<string, string>> {
  process.env.SIDGATE_KEY ||= btoa('a key for tests, of 32 bytes, ok');
  const { keys, upstream } = await serverConfig();
  const now = unixSeconds();
  const told = session ? active(session, now) : { state: 'anonymous' };
  const claims = { iss: 'sidgate', aud: upstream, iat: now, exp: now + 60, ...told, site };
  return {
    'x-session-assertion': await signToken(claims, keys[0] as CryptoKey),
    'x-request-id': toBase64url(crypto.getRandomValues(new Uint8Array(12))),
  };
}

function active({ user, tenantId, attributes, needsOnboarding, id, authTime }: TestSession, now: number) {
  return {
    state: 'active',
    sid: id ?? `session-of-${user.id}`,
    sub: user.id,
    email: user.email,
    tid: tenantId ?? user.tenantId,
    attrs: { ...attributes, ...(needsOnboarding === undefined ? {} : { needs_onboarding: needsOnboarding }) },
    auth_time: authTime === undefined ? now : Math.floor(authTime.getTime() / 1_000),
  };
}

/** What an answer asks the gateway to do. Takes a `Response`, or `res.getHeader('x-session-event')` of the Pages Router. */
export async function sentEvents(answer: Response | string | undefined): Promise<SessionEvent[]> {
  const token = answer instanceof Response ? answer.headers.get(EVENT_HEADER) : answer;
  if (!token) return [];
  const { keys, upstream } = await serverConfig();
  const claims = await openToken(token, keys, { issuer: upstream, audience: 'sidgate' });
  return claims['ev'] as SessionEvent[];
}

export interface TestManagerOptions {
  /** Who is logged in at first. */
  session?: TestSession | null;
  /** Judges a login: who it is, or the code of a refusal. Without it everybody gets in, with the address as id. */
  login?(email: string, password: string, extra: Record<string, unknown>): TestSession | string;
}

/** A manager whose gateway is in memory, for `<SessionProvider manager={...}>` in the tests of components. */
export function createTestManager({ session = null, login = welcome }: TestManagerOptions = {}): SessionManager {
  let current = session === null ? null : view(session);

  function answer(method: string, path: string, body: Record<string, unknown>): [number, unknown] {
    if (path === '/session-v2' && method === 'POST') {
      const { email, password, ...extra } = body;
      const verdict = login(String(email), String(password), extra);
      if (typeof verdict === 'string') return [verdict === 'locked' ? 429 : 401, { code: verdict, title: verdict }];
      current = view(verdict);
      return [201, current];
    }
    if (method === 'DELETE') current = null;
    if (path === '/session-v2') return method === 'DELETE' ? [204, null] : [200, current ?? { authenticated: false, user: null }];
    return path.startsWith('/sessions?scope=all') ? [200, { revoked: 1 }] : [404, { code: 'not_found', title: 'not in tests' }];
  }

  const fetch = async (url: RequestInfo | URL, { method = 'GET', body }: RequestInit = {}) => {
    const [status, json] = answer(method, String(url), JSON.parse((body as string | undefined) ?? '{}'));
    return new Response(json === null ? null : JSON.stringify(json), { status });
  };
  return createSessionManager({ basePath: '', fetch, push: false, channel: false });
}

const welcome = (email: string): TestSession => ({ user: { id: email, email } });

function view({ user, tenantId, needsOnboarding = false, id }: TestSession): Session {
  const tenant = tenantId ?? user.tenantId ?? null;
  const began = new Date().toISOString();
  const ends = new Date(Date.now() + 86_400_000).toISOString();
  const session = { id: id ?? `session-of-${user.id}`, createdAt: began, expiresAt: ends, lastActivity: began };
  return { authenticated: true, user: { ...user, tenantId: tenant }, tenantId: tenant, needsOnboarding, session };
}
