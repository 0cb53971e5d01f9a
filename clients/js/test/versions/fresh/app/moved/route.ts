import { NextResponse, type NextRequest } from 'next/server';

export function GET(req: NextRequest) {
  // Reading a header makes the route dynamic in Next.js 14.
  req.headers.get('accept');
  return NextResponse.redirect(new URL('/account', req.url));
}
