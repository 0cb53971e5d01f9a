/** The gateway's own calls: whose password, or whose old cookies, are these, and what is this app? */
import { toBase64url } from './base64.js';
import { serverConfig } from './config.js';
import { facts } from './doctor.js';
import type { Identity } from './identity.js';
import { header, unixSeconds } from './request.js';
import { checkTimes, InvalidToken, LEEWAY, openToken } from './token.js';

/** What somebody has typed. */
export interface Credentials {
  email: string;
  password: string;
  /** What the login sent beside them, for example `otp`. */
  extra: Record<string, unknown>;
  client: Client;
}

/** The browser, as the gateway sees it. */
export interface Client {
  ip: string;
  userAgent: string;
}

/**
 * Why somebody does not get in. `account` names the account that was tried, the same whatever was typed for it, so that attempts
 * on it are counted together; it is no secret and need not be readable.
 */
export type LoginRefusal =
  | { refused: 'invalid_credentials' | 'account_disabled'; account?: string }
  | {
      /** The password is right, and not enough. */
      refused: 'mfa_required';
      /** What would complete the login, such as `totp`. */
      flows: string[];
      account?: string;
    }
  | {
      refused: 'locked';
      /** Seconds. */
      retryAfter: number;
      account?: string;
    };

export interface BackendOptions {
  /** Whose password is this? Only an answer that lets in says 200: what stands before a login stands here too. */
  authenticate?(credentials: Credentials): Promise<Identity | LoginRefusal>;
  /** Whose are these cookies of the old login system? `null`: nobody's. `auth_time`: when they logged in, unix seconds. */
  introspect?(cookies: Record<string, string>, client: Client): Promise<(Identity & { auth_time?: number }) | null>;
}

const STATUS = { invalid_credentials: 401, mfa_required: 401, account_disabled: 403, locked: 429 } as const;

/**
 * The route that Sidgate calls where this app is `[backend] upstream`. In `app/%5F_sidgate__/[call]/route.ts`, because folders
 * that begin with `_` are private to Next.js:
 *
 *     export const POST = sidgateBackend({
 *       async authenticate({ email, password }) {
 *         const user = await checkPassword(email, password);
 *         return user ? { user: { id: user.id, email } } : { refused: 'invalid_credentials' };
 *       },
 *     });
 *
 * Without options it answers `sidgate doctor` alone, which any app behind a gateway may do.
 *
 * To everybody but the gateway it does not exist. When it throws, the gateway says "unavailable": neither a yes nor a no.
 */
export function sidgateBackend(options: BackendOptions = {}) {
  return async (request: Request): Promise<Response> => {
    const call = new URL(request.url).pathname.split('/').at(-1);
    const bytes = await gatewaysBody(request);
    if (bytes === null) return answer(404, { code: 'not_found' });
    const body = parsed(bytes);
    if (body === null) return answer(400, { code: 'invalid_request' });
    if (call === 'authenticate' && options.authenticate) return authenticate(options.authenticate, body);
    if (call === 'introspect' && options.introspect) return introspect(options.introspect, body);
    if (call === 'doctor') return doctor(request, options);
    return answer(404, { code: 'not_found' });
  };
}

/** The gateway's questions that an app may leave unanswered. */
const OPTIONAL = ['authenticate', 'introspect'] as const;

async function doctor(request: Request, options: BackendOptions): Promise<Response> {
  const { upstream } = await serverConfig();
  const calls = OPTIONAL.filter((call) => options[call] !== undefined);
  return answer(200, facts(request, upstream, calls));
}

type Body = Record<string, unknown>;

async function authenticate(judge: NonNullable<BackendOptions['authenticate']>, body: Body): Promise<Response> {
  const { email, password, ip, user_agent, ...extra } = body;
  if (typeof email !== 'string' || typeof password !== 'string') return answer(400, { code: 'invalid_request' });
  const verdict = await judge({ email, password, extra, client: client(body) });
  if (!('refused' in verdict)) return answer(200, verdict);
  const { refused, account } = verdict;
  const flows = refused === 'mfa_required' ? { flows: verdict.flows } : {};
  const wait = refused === 'locked' ? { retry_after: verdict.retryAfter } : {};
  return answer(STATUS[refused], { code: refused, ...flows, ...wait, ...(account === undefined ? {} : { account }) });
}

async function introspect(judge: NonNullable<BackendOptions['introspect']>, body: Body): Promise<Response> {
  const cookies = body['cookies'];
  if (typeof cookies !== 'object' || cookies === null) return answer(400, { code: 'invalid_request' });
  const identity = await judge(cookies as Record<string, string>, client(body));
  return identity === null ? answer(401, { code: 'invalid' }) : answer(200, identity);
}

const client = ({ ip, user_agent }: Body): Client => ({ ip: String(ip ?? ''), userAgent: String(user_agent ?? '') });

function answer(status: number, body: unknown): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } });
}

/** The body, if `X-Sidgate-Request` proves that the gateway sent it. An address proves nothing. */
async function gatewaysBody(request: Request): Promise<ArrayBuffer | null> {
  const config = await serverConfig();
  try {
    const audience = `${config.upstream}:backend`;
    const claims = await openToken(header(request, 'x-sidgate-request') ?? '', config.keys, { issuer: 'sidgate', audience });
    checkTimes(claims, unixSeconds(), LEEWAY);
    const bytes = await request.arrayBuffer();
    if (claims['bh'] !== toBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))) {
      throw new InvalidToken('signed for another body');
    }
    return bytes;
  } catch (why) {
    if (!(why instanceof InvalidToken)) throw why;
    console.warn(`sidgate: refused a call of ${new URL(request.url).pathname}: ${why.message}`);
    return null;
  }
}

function parsed(bytes: ArrayBuffer): Body | null {
  try {
    const body: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof body === 'object' && !Array.isArray(body) ? (body as Body | null) : null;
  } catch {
    return null;
  }
}
