/**
 * How a server action changes the session. Next.js lets it set cookies and no other header, so it seals its wishes into a cookie
 * and sends the browser to a route that puts them on its answer.
 */
import { fromBase64url, toBase64url } from './base64.js';
import { serverConfig } from './config.js';
import { currentHeaders } from './current.js';
import { answered, EVENT_HEADER, signEvents, type SessionEvent } from './events.js';
import { delivered } from './handler.js';
import { identify, unixSeconds } from './request.js';

const COOKIE = '__Host-sidgate-commit';
const LIFE_SECONDS = 15;
/** What browsers keep of one cookie, less its name and attributes. */
const LENGTH_MAX = 3_800;

interface Wishes {
  events: SessionEvent[];
  /** Where the browser goes afterwards. */
  next: string;
  /** Request of the action. */
  request: string;
  /** The session that asked; `null` for nobody. */
  session: string | null;
  /** Unix seconds. */
  expires: number;
}

/**
 * Ends a server action: the session is changed, and the browser goes to `next`, a path of this site. Does not return.
 *
 *     await commitSession({ type: 'update', identity: { tenant_id: 'acme' } }, { next: '/dashboard' });
 *
 * Needs a route with `sessionCommit()` at `path`.
 */
export async function commitSession(
  events: SessionEvent | SessionEvent[],
  { next = '/', path = '/session/commit' }: { next?: string; path?: string } = {},
): Promise<never> {
  const request = await currentHeaders();
  const { requestId } = await answered(request);
  const { session } = await identify(request);
  const sealed = await seal({
    events: [events].flat(),
    next: ownPath(next),
    request: requestId,
    session: session?.session.id ?? null,
    expires: unixSeconds() + LIFE_SECONDS,
  });
  const [{ cookies }, { redirect }] = await Promise.all([import('next/headers.js'), import('next/navigation.js')]);
  const options = { httpOnly: true, secure: true, sameSite: 'strict', path: '/', maxAge: LIFE_SECONDS } as const;
  (await cookies()).set(COOKIE, sealed, options);
  return redirect(path);
}

/** The route behind `commitSession`: `export const GET = sessionCommit();` in `app/session/commit/route.ts`. */
export function sessionCommit() {
  return async (request: Request): Promise<Response> => {
    const headers = new Headers({ 'cache-control': 'private, no-store' });
    const wishes = await open(cookie(request, COOKIE));
    const { session } = await identify(request);
    const counts = wishes !== null && wishes.expires > unixSeconds() && wishes.session === (session?.session.id ?? null);
    const to = await answered(request);
    // Next.js looks ahead within the request of the action. The browser comes by itself, and the event is for its answer.
    if (counts && wishes.request === to.requestId) return new Response(null, { status: 204, headers });
    headers.set('location', counts ? wishes.next : '/');
    headers.append('set-cookie', `${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`);
    if (counts) {
      const token = await signEvents(to, wishes.events);
      const { eventsUrl } = to.config;
      if (eventsUrl === null) headers.set(EVENT_HEADER, token);
      else return delivered(eventsUrl, request, token, wishes.events, new Response(null, { status: 303, headers }));
    }
    return new Response(null, { status: 303, headers });
  };
}

function ownPath(next: string): string {
  const url = new URL(next, 'http://here.invalid');
  if (url.host !== 'here.invalid' || !next.startsWith('/')) throw new TypeError('next is not a path of this site.');
  return url.pathname + url.search + url.hash;
}

function cookie(request: Request, name: string): string | null {
  const pairs = (request.headers.get('cookie') ?? '').split('; ');
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
}

/** A key for this purpose alone, of what gateway and app share. */
async function sealKey(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  const info = new TextEncoder().encode('sidgate session commit');
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
  return crypto.subtle.deriveKey(derivation, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

/** Sealed, because an identity may hold what the browser is not told. */
async function seal(wishes: Wishes): Promise<string> {
  const { secrets } = await serverConfig();
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const text = new TextEncoder().encode(JSON.stringify(wishes));
  const bytes = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await sealKey(secrets[0] as Uint8Array<ArrayBuffer>), text);
  const sealed = `${toBase64url(iv)}.${toBase64url(new Uint8Array(bytes))}`;
  if (sealed.length > LENGTH_MAX) throw new Error('These events are too large for a cookie: change the session in a route handler.');
  return sealed;
}

async function open(sealed: string | null): Promise<Wishes | null> {
  const [iv, bytes] = (sealed ?? '').split('.').map(fromBase64url);
  if (!iv || !bytes) return null;
  for (const secret of (await serverConfig()).secrets) {
    const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, await sealKey(secret), bytes).catch(() => null);
    if (opened !== null) return JSON.parse(new TextDecoder().decode(opened)) as Wishes;
  }
  return null;
}
