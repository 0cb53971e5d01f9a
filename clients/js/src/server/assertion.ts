/** `X-Session-Assertion`: the one thing that an app believes about a session. Bare headers never count. */
import type { ServerSession, SessionAttributes } from '../types.js';
import type { ServerConfig } from './config.js';
import { checkTimes, type Claims, InvalidToken, LEEWAY, openToken } from './token.js';

/**
 * `active`: somebody is logged in. `anonymous`: nobody is. `unknown`: the gateway could not ask its store (only on routes with
 * `on_unknown = "pass"`). `none`: the route asks for no session. `bypassed`: the request did not come through the gateway.
 */
export type SessionState = 'active' | 'anonymous' | 'unknown' | 'none' | 'bypassed';

export interface Identified {
  state: SessionState;
  session: ServerSession | null;
  /** The site at which the request came in, whoever asks; `null` without `[[sites]]`. */
  site: string | null;
}

const STATES = new Set<unknown>(['active', 'anonymous', 'unknown', 'none']);

export type AssertionConfig = Pick<ServerConfig, 'keys' | 'upstream'>;

/** What the assertion says. Throws `InvalidToken` if it says nothing that counts. `now` in unix seconds. */
export async function readAssertion(token: string, config: AssertionConfig, now: number): Promise<Identified> {
  const claims = await openToken(token, config.keys, { issuer: 'sidgate', audience: config.upstream });
  const site = optional(claims, 'site', isString);
  const read = { state: state(claims), session: state(claims) === 'active' ? session(claims, site) : null, site };
  checkTimes(claims, now, LEEWAY);
  return read;
}

function state(claims: Claims): SessionState {
  const value = claims['state'];
  if (!STATES.has(value)) throw new InvalidToken('unknown state');
  return value as SessionState;
}

function session(claims: Claims, site: string | null): ServerSession {
  const email = optional(claims, 'email', isString);
  const tenantId = optional(claims, 'tid', isString);
  const attributes: SessionAttributes = optional(claims, 'attrs', isRecord) ?? {};
  const authTime = optional(claims, 'auth_time', isSeconds);
  const read: ServerSession = {
    authenticated: true,
    user: { id: required(claims, 'sub'), ...(email === null ? {} : { email }), tenantId },
    tenantId,
    needsOnboarding: attributes['needs_onboarding'] === true,
    session: { id: required(claims, 'sid') },
    attributes,
    authTime: authTime === null ? null : new Date(authTime * 1_000).toISOString().replace('.000', ''),
    stale: optional(claims, 'stale', isSeconds),
    site,
  };
  references.set(read, optional(claims, 'ref', isString));
  return read;
}

/** Beside the sessions, which are plain objects: whoever passes one on to a page passes on no reference. */
const references = new WeakMap<ServerSession, string | null>();

/** What this app wanted to find again with the session (`ref` of the identity, or of an event). */
export function sessionRef(session: ServerSession): string | null {
  return references.get(session) ?? null;
}

function required(claims: Claims, name: string): string {
  const value = optional(claims, name, isString);
  if (!value) throw new InvalidToken(`no ${name}`);
  return value;
}

function optional<T>(claims: Claims, name: string, is: (value: unknown) => value is T): T | null {
  const value = claims[name];
  if (value === undefined || value === null) return null;
  if (!is(value)) throw new InvalidToken(`${name} has the wrong type`);
  return value;
}

const isString = (value: unknown): value is string => typeof value === 'string';
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** A moment that a `Date` can hold. */
const isSeconds = (value: unknown): value is number => Number.isSafeInteger(value) && Math.abs(value as number) <= 8.64e12;
