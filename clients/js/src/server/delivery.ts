/**
 * Tells the gateway of events where an edge, and not the gateway, sends the requests (forward-auth): no answer passes the gateway
 * then, so the event is posted to `SIDGATE_EVENTS_URL`, and the cookies that come back go to the browser.
 */
import { EVENT_HEADER } from './events.js';
import { header, type RequestLike } from './request.js';

/** The gateway has not done what it was told, or it is unknown whether it has. */
export class NotDelivered extends Error {
  constructor(why: string) {
    super(`The session was not changed: the gateway did not take the event (${why}).`);
    this.name = 'NotDelivered';
  }
}

const TIMEOUT = 5_000;
/** What the gateway has to know of the request: the field of the request, and what it is called in the question. */
const PASSED_ON = [
  ['x-session-assertion', 'x-session-assertion'],
  ['x-request-id', 'x-request-id'],
  ['host', 'x-forwarded-host'],
  ['x-forwarded-for', 'x-forwarded-for'],
  ['user-agent', 'user-agent'],
] as const;

/** Posts the signed events. The cookies for the browser, each a `Set-Cookie` line. Rejects with `NotDelivered`. */
export async function deliver(url: string, request: RequestLike, token: string): Promise<string[]> {
  const headers: Record<string, string> = { [EVENT_HEADER]: token };
  for (const [name, told] of PASSED_ON) {
    const value = header(request, name);
    if (value !== null) headers[told] = value;
  }
  const question = { method: 'POST', headers, redirect: 'manual', cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT) } as const;
  const answer = await fetch(url, question).catch((why: unknown) => {
    throw new NotDelivered(String(why));
  });
  if (answer.status === 204) return answer.headers.getSetCookie();
  const code = answer.headers.get('x-sidgate-code');
  throw new NotDelivered(`${answer.status}${code === null ? '' : `, ${code}`}`);
}
