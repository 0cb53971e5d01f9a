import type { NextApiRequest, NextApiResponse } from 'next';
import type { NextRequest } from 'next/server.js';
import type { ServerSession, SessionState } from './assertion.js';
import { identify, isWebHeaders } from './request.js';
import { type RouteResponse, routeResponse } from './response.js';

/** What the wrapper adds to the request. */
export interface SessionMembers<S = ServerSession | null> {
  /** The verified session; `null` for nobody. */
  session: S;
  /** Why `session` is `null`. */
  sessionState: SessionState;
}

export interface ServerSessionOptions {
  /** Answer 401 before the handler is called when nobody is logged in; `req.session` is then never `null`. */
  required?: boolean;
  /**
   * When the gateway could not find out who asks (routes with `on_unknown = "pass"`): `unavailable` answers 503, because unknown
   * is not "nobody"; `pass` calls the handler, which looks at `req.sessionState`.
   */
  onUnknown?: 'unavailable' | 'pass';
}

type Required = ServerSessionOptions & { required: true };

/** A handler of the App Router. `context` is the framework's second argument, `{params}`. */
export type RouteHandler<S, C> = (
  req: NextRequest & SessionMembers<S>,
  res: RouteResponse,
  context: C,
) => Response | Promise<Response>;

/** A handler of the Pages Router. */
export type ApiHandler<S> = (req: NextApiRequest & SessionMembers<S>, res: NextApiResponse) => unknown;

type Route<C> = (req: NextRequest, context: C) => Promise<Response>;
type Api = (req: NextApiRequest, res: NextApiResponse) => Promise<unknown>;

/**
 * Wraps an API handler, of the App Router and of the Pages Router alike: `req.session` is what the gateway has signed.
 *
 *     export const GET = withServerSession(async (req, res) => {
 *       if (!req.session) return res.status(401).json({ error: 'Unauthorized' });
 *       return res.json({ tenantId: req.session.user.tenantId });
 *     });
 */
export function withServerSession<C = unknown>(handler: RouteHandler<ServerSession, C>, options: Required): Route<C>;
export function withServerSession<C = unknown>(
  handler: RouteHandler<ServerSession | null, C>,
  options?: ServerSessionOptions,
): Route<C>;
export function withServerSession(handler: ApiHandler<ServerSession>, options: Required): Api;
export function withServerSession(handler: ApiHandler<ServerSession | null>, options?: ServerSessionOptions): Api;
export function withServerSession(
  // The overloads above say which arguments go together.
  handler: (req: any, res: any, context?: any) => unknown,
  options: ServerSessionOptions = {},
): (req: any, second: any) => Promise<unknown> {
  return async (req, second) => {
    const web = isWebHeaders(req.headers);
    const { state, session } = await identify(req);
    const refused = refusal(state, options);
    if (refused !== null) return web ? webAnswer(refused) : nodeAnswer(refused, second);
    // Next hands out requests that cannot be copied.
    Object.defineProperties(req, { session: member(session), sessionState: member(state) });
    return web ? handler(req, routeResponse(), second) : handler(req, second);
  };
}

const member = (value: unknown): PropertyDescriptor => ({ value, configurable: true, writable: true });

interface Refusal {
  status: number;
  headers: Record<string, string>;
  body: { type: 'about:blank'; title: string; status: number; code: string };
}

function refusal(state: SessionState, { required = false, onUnknown = 'unavailable' }: ServerSessionOptions): Refusal | null {
  if (state === 'active') return null;
  // A handler that requires a session cannot be called without, whatever the reason.
  if (state === 'unknown' && (required || onUnknown === 'unavailable')) {
    return problem(503, 'unavailable', 'The session cannot be looked up', { 'retry-after': '1' });
  }
  return required ? problem(401, 'unauthenticated', 'Authentication is required') : null;
}

function problem(status: number, code: string, title: string, headers: Record<string, string> = {}): Refusal {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'private, no-store', ...headers },
    body: { type: 'about:blank', title, status, code },
  };
}

function webAnswer({ status, headers, body }: Refusal): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

function nodeAnswer({ status, headers, body }: Refusal, res: NextApiResponse): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.status(status).end(JSON.stringify(body));
}
