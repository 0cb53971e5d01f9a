/** The session in API routes and `getServerSideProps` of the Pages Router. */
import type { NextApiRequest, NextApiResponse } from 'next';
import { type Required, type ServerSessionOptions, type SessionMembers, wrap } from './server/handler.js';
import type { ServerSession } from './types.js';

export { SidgateConfigError } from './server/config.js';
export type { ServerSessionOptions, SessionMembers } from './server/handler.js';
export { getServerSession, getSessionSite, getSessionState, sessionRef, type ServerSession, type SessionState } from './next.js';

/** A handler of the Pages Router. */
export type ApiHandler<S> = (req: NextApiRequest & SessionMembers<S>, res: NextApiResponse) => unknown;

type Api = (req: NextApiRequest, res: NextApiResponse) => Promise<unknown>;

/**
 * Wraps an API route of the Pages Router: `req.session` is what the gateway has signed.
 *
 *     export default withServerSession((req, res) => {
 *       if (!req.session) return res.status(401).json({ error: 'Unauthorized' });
 *       res.json({ tenantId: req.session.user.tenantId });
 *     });
 */
export function withServerSession(handler: ApiHandler<ServerSession>, options: Required): Api;
export function withServerSession(handler: ApiHandler<ServerSession | null>, options?: ServerSessionOptions): Api;
export function withServerSession(handler: ApiHandler<any>, options?: ServerSessionOptions): Api {
  return wrap(handler, options);
}
