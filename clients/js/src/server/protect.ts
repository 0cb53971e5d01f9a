import type { NextRequest, NextResponse } from 'next/server.js';
import { refusal } from './handler.js';
import { header, identify } from './request.js';

export interface RequireSessionOptions {
  /** Where people log in: a path of this site, which is told `?next=`. */
  loginUrl?: string;
}

/**
 * The whole of `proxy.ts` (before Next.js 16: `middleware.ts`): nobody passes without a session.
 *
 *     export const proxy = requireSession({ loginUrl: '/login' });
 *     export const config = { matcher: ['/account/:path*'] };
 *
 * People who navigate are sent to the login page and come back; everything else gets 401. When nobody knows who asks: 503.
 */
export function requireSession({ loginUrl = '/login' }: RequireSessionOptions = {}) {
  return async (request: NextRequest): Promise<NextResponse> => {
    // Only here: a module for browser and server alike may re-export this package.
    const { NextResponse } = await import('next/server.js');
    const { state } = await identify(request);
    const refused = refusal(state, { required: true });
    const login = loginPage(request, loginUrl);
    // A matcher that covers the login page too must not send people round in circles.
    if (refused === null || login.pathname === pathOf(request)) return NextResponse.next();
    if (refused.status !== 401 || !isNavigation(request)) return new NextResponse(JSON.stringify(refused.body), refused);
    return NextResponse.redirect(login, { status: 303, headers: { 'cache-control': 'private, no-store' } });
  };
}

/** A page, or its data for a page that is open already. Fetches of scripts get an answer that they can read. */
function isNavigation({ method, headers }: NextRequest): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const asked = headers.get('rsc') === '1' || headers.get('sec-fetch-mode') === 'navigate';
  return asked || (headers.get('accept') ?? '').includes('text/html');
}

function loginPage(request: NextRequest, loginUrl: string): URL {
  const { searchParams } = request.nextUrl.clone();
  // The router's own, not the page's.
  searchParams.delete('_rsc');
  const query = searchParams.size > 0 ? `?${searchParams}` : '';
  const login = new URL(loginUrl, publicOrigin(request));
  login.searchParams.set('next', pathOf(request) + query);
  return login;
}

const pathOf = ({ nextUrl }: NextRequest) => nextUrl.basePath + nextUrl.pathname;

/** What the browser's address bar says. Behind the gateway `request.url` may name the app's own address. */
function publicOrigin(request: NextRequest): string {
  const [host, proto] = [header(request, 'x-forwarded-host'), header(request, 'x-forwarded-proto')];
  return host !== null && (proto === 'http' || proto === 'https') ? `${proto}://${host}` : request.nextUrl.origin;
}
