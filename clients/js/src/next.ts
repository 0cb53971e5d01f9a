/** The session on the server: server components, API routes, `proxy.ts`. Believes only what Sidgate has signed for this app. */
import type { ServerSession, SessionState } from './server/assertion.js';
import { identify, type RequestLike } from './server/request.js';

export type { ServerSession, SessionState } from './server/assertion.js';
export { SidgateConfigError } from './server/config.js';
export {
  type ApiHandler,
  type RouteHandler,
  type ServerSessionOptions,
  type SessionMembers,
  withServerSession,
} from './server/handler.js';
export type { RequestLike } from './server/request.js';
export type { RouteResponse } from './server/response.js';

/**
 * The session of the request that is being answered, or `null`.
 *
 * Without an argument in server components, server functions and route handlers of the App Router. With the request in
 * `getServerSideProps`, API routes and `proxy.ts`.
 */
export async function getServerSession(request?: RequestLike): Promise<ServerSession | null> {
  return (await identify(request ?? (await currentHeaders()))).session;
}

/** Why there is a session or none; tells "nobody" from "the gateway could not find out". */
export async function getSessionState(request?: RequestLike): Promise<SessionState> {
  return (await identify(request ?? (await currentHeaders()))).state;
}

async function currentHeaders(): Promise<Headers> {
  // Only here, so that the rest works where the App Router does not. With the extension: `next` has no map of exports.
  const { headers } = await import('next/headers.js');
  return (await headers()) as Headers;
}
