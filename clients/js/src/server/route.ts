import type { NextRequest } from 'next/server.js';
import type { ServerSession } from '../types.js';
import { type Required, type ServerSessionOptions, type SessionMembers, wrap } from './handler.js';
import type { RouteResponse } from './response.js';

/** A handler of the App Router. `context` is the framework's second argument, `{params}`. */
export type RouteHandler<S, C> = (
  req: NextRequest & SessionMembers<S>,
  res: RouteResponse,
  context: C,
) => Response | Promise<Response>;

type Route<C> = (req: NextRequest, context: C) => Promise<Response>;

/**
 * Wraps a route handler of the App Router: `req.session` is what the gateway has signed.
 *
 *     export const GET = withServerSession(async (req, res) => {
 *       if (!req.session) return res.status(401).json({ error: 'Unauthorized' });
 *       return res.json({ tenantId: req.session.user.tenantId });
 *     });
 *
 * For TypeScript in the Pages Router import it from `@sidgate/session/pages`.
 */
export function withServerSession<C = unknown>(handler: RouteHandler<ServerSession, C>, options: Required): Route<C>;
export function withServerSession<C = unknown>(
  handler: RouteHandler<ServerSession | null, C>,
  options?: ServerSessionOptions,
): Route<C>;
export function withServerSession(handler: RouteHandler<any, any>, options?: ServerSessionOptions): Route<any> {
  return wrap(handler, options);
}
