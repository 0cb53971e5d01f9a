/** The session on the server: server components, route handlers, server actions, `proxy.ts`. Believes only what Sidgate has signed. */
import type { SessionState } from './server/assertion.js';
import { currentHeaders } from './server/current.js';
import { identify, type RequestLike } from './server/request.js';
import type { ServerSession } from './types.js';

export { sessionRef, type SessionState } from './server/assertion.js';
export { type BackendOptions, type Client, type Credentials, type LoginRefusal, sidgateBackend } from './server/backend.js';
export { commitSession, sessionCommit } from './server/commit.js';
export { SidgateConfigError } from './server/config.js';
export type { LogoutScope, SessionEvent, SessionEvents } from './server/events.js';
export type { ServerSessionOptions, SessionMembers } from './server/handler.js';
export type { Identity, IdentityPatch } from './server/identity.js';
export { requireSession, type RequireSessionOptions } from './server/protect.js';
export type { RequestLike } from './server/request.js';
export type { RouteResponse } from './server/response.js';
export { type RouteHandler, withServerSession } from './server/route.js';
export type { ServerSession, ServerUser, SessionAttributes } from './types.js';

/**
 * The session of the request that is being answered, or `null`.
 *
 * Without an argument in server components, server actions and route handlers of the App Router. With the request in
 * `getServerSideProps`, API routes and `proxy.ts`.
 */
export async function getServerSession(request?: RequestLike): Promise<ServerSession | null> {
  return (await identify(request ?? (await currentHeaders()))).session;
}

/** Why there is a session or none; tells "nobody" from "the gateway could not find out". */
export async function getSessionState(request?: RequestLike): Promise<SessionState> {
  return (await identify(request ?? (await currentHeaders()))).state;
}

/** The site at which the request came in, whoever asks: a name of the gateway's `[[sites]]`, or `null` where it has none. */
export async function getSessionSite(request?: RequestLike): Promise<string | null> {
  return (await identify(request ?? (await currentHeaders()))).site;
}
