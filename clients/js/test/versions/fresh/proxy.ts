import { requireSession } from '@sidgate/session/next';

export const proxy = requireSession({ loginUrl: '/' });

export const config = { matcher: ['/account/:path*'] };
