import type { ServerSession } from '../types.js';
import type { SessionState } from './assertion.js';
import { serverConfig } from './config.js';
import { deliver, NotDelivered } from './delivery.js';
import { EVENT_HEADER, type SessionEvent, SessionEvents, tellWhoItIs } from './events.js';
import { identify, isWebHeaders } from './request.js';
import { routeResponse } from './response.js';

/** What the wrapper adds to the request. */
export interface SessionMembers<S = ServerSession | null> {
  /** The verified session; `null` for nobody. */
  session: S;
  /** Why `session` is `null`. */
  sessionState: SessionState;
  /** The site at which the request came in, whoever asks; `null` without `[[sites]]`. */
  sessionSite: string | null;
  /** Logs in and out, and changes what is known of the user. */
  sessionEvents: SessionEvents;
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

/** Options of a handler that is called for nobody but a user. */
export type Required = ServerSessionOptions & { required: true };

const PRIVATE = 'private, no-store';

/**
 * The wrapper behind `withServerSession` of `@sidgate/session/next` and `@sidgate/session/pages`, which say what goes together.
 * It looks at the request, so that one file of JavaScript is right for both routers.
 */
export function wrap(handler: (req: any, res: any, context?: any) => unknown, options: ServerSessionOptions = {}) {
  return async (req: any, second: any): Promise<any> => {
    const { state, session, site } = await identify(req);
    const refused = refusal(state, options);
    const call = isWebHeaders(req.headers) ? callRoute : callApi;
    return call(handler, req, second, { session, sessionState: state, sessionSite: site }, refused);
  };
}

type Call = (
  handler: (req: any, res: any, context?: any) => unknown,
  req: any,
  second: any,
  members: Omit<SessionMembers, 'sessionEvents'>,
  refused: Refusal | null,
) => Promise<unknown>;

const callRoute: Call = async (handler, req, context, members, refused) => {
  if (refused !== null) return refusing(refused);
  let event: string | null = null;
  const events = new SessionEvents(req, (value) => (event = value));
  const response = (await handler(extended(req, members, events), routeResponse(), context)) as Response;
  await events.settled();
  const { eventsUrl } = event === null ? { eventsUrl: null } : await serverConfig();
  if (event === null || eventsUrl === null) return finished(response, event);
  return delivered(eventsUrl, req, event, events.asked, finished(response, null));
};

/**
 * `response` with the cookies of the gateway. Where it has not logged somebody in or out as it was told, 503: the browser must not hear
 * of it unless it is true.
 */
export async function delivered(
  url: string,
  req: Request,
  token: string,
  events: readonly SessionEvent[],
  response: Response,
): Promise<Response> {
  const cookies = await deliver(url, req, token).catch(logged);
  if (cookies !== null) return withCookies(response, cookies);
  if (!tellWhoItIs(events)) return response;
  return refusing(tryAgain());
}

const refusing = (refused: Refusal): Response => new Response(JSON.stringify(refused.body), refused);

function logged(why: unknown): null {
  if (!(why instanceof NotDelivered)) throw why;
  console.error(`sidgate: ${why.message}`);
  return null;
}

const tryAgain = (): Refusal => problem(503, 'unavailable', 'Try again', { 'retry-after': '1' });

function withCookies(response: Response, cookies: readonly string[]): Response {
  const changed = new Response(response.body, response);
  changed.headers.set('cache-control', PRIVATE);
  for (const cookie of cookies) changed.headers.append('set-cookie', cookie);
  return changed;
}

/** What the handler has answered, nobody else's, and with its events. */
function finished(response: Response, event: string | null): Response {
  if (event === null && response.headers.has('cache-control')) return response;
  // Next.js and `Response.redirect` hand out answers that cannot be changed.
  const changed = new Response(response.body, response);
  if (!changed.headers.has('cache-control')) changed.headers.set('cache-control', PRIVATE);
  if (event !== null) changed.headers.set(EVENT_HEADER, event);
  return changed;
}

const callApi: Call = async (handler, req, res, members, refused) => {
  res.setHeader('cache-control', PRIVATE);
  const refuse = ({ status, headers, body }: Refusal): unknown => {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    return res.status(status).end(JSON.stringify(body));
  };
  if (refused !== null) return refuse(refused);
  const { eventsUrl } = await serverConfig();
  let isSent = false;
  const events = new SessionEvents(req, async (value) => {
    if (res.headersSent) throw new Error('The session was changed after the answer: await each call of req.sessionEvents.');
    if (eventsUrl === null) return res.setHeader(EVENT_HEADER, value);
    // An answer that is sent takes no more cookies, so the gateway is told at once; and it listens once for each request.
    if (isSent) throw new Error('Behind an edge all events of a request go in one call: req.sessionEvents.send(first, second).');
    isSent = true;
    const cookies = await deliver(eventsUrl, req, value).catch((why: unknown) => {
      // As in a route handler: the answer stands, unless it tells of a login or logout.
      if (tellWhoItIs(events.asked)) throw why;
      return logged(why);
    });
    addCookies(res, cookies ?? []);
  });
  try {
    const result = await handler(extended(req, members, events), res);
    await events.settled();
    return result;
  } catch (why) {
    if (res.headersSent) throw why;
    logged(why);
    return refuse(tryAgain());
  }
};

/** Gives `res` these cookies when its head is written: what the handler sets until then stays beside them. */
function addCookies(res: any, cookies: readonly string[]): void {
  const writeHead = res.writeHead.bind(res);
  res.writeHead = (status: number, ...rest: unknown[]) => {
    const reason = typeof rest[0] === 'string' ? rest.slice(0, 1) : [];
    for (const [name, value] of fields(rest[reason.length])) res.setHeader(name, value);
    if (cookies.length > 0) res.setHeader('set-cookie', [res.getHeader('set-cookie') ?? [], cookies].flat());
    return writeHead(status, ...reason);
  };
}

/** What `writeHead` of Node.js takes: an object, or names and values in turn, of which those of one name belong together. */
function fields(headers: unknown): [string, string | string[]][] {
  if (!Array.isArray(headers)) return Object.entries(headers ?? {});
  const all = new Map<string, string[]>();
  for (let index = 0; index < headers.length; index += 2) {
    const name = String(headers[index]).toLowerCase();
    all.set(name, [...(all.get(name) ?? []), headers[index + 1]].flat());
  }
  return [...all];
}

/** Next hands out requests that cannot be copied. */
function extended(req: object, members: Omit<SessionMembers, 'sessionEvents'>, sessionEvents: SessionEvents): unknown {
  for (const [name, value] of Object.entries({ ...members, sessionEvents })) {
    Object.defineProperty(req, name, { value, configurable: true, writable: true });
  }
  return req;
}

export interface Refusal {
  status: number;
  headers: Record<string, string>;
  body: { type: 'about:blank'; title: string; status: number; code: string };
}

/** What is answered instead of the page, if anything. */
export function refusal(
  state: SessionState,
  { required = false, onUnknown = 'unavailable' }: ServerSessionOptions,
): Refusal | null {
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
    headers: { 'content-type': 'application/problem+json', 'cache-control': PRIVATE, ...headers },
    body: { type: 'about:blank', title, status, code },
  };
}
