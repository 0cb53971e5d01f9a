// What the built package promises to compilers, in the browser.
import sessionManager, { SessionError, type Session } from '@sidgate/session';
import { SessionProvider, useSession } from '@sidgate/session/react';
import type { ServerSession } from '@sidgate/session/next';
import type { Equal, Holds } from './support.js';

declare module '@sidgate/session' {
  interface SessionUser {
    plan?: 'free' | 'pro';
  }
}

export function ByStatus() {
  const session = useSession();
  if (session.status === 'authenticated') {
    type _data = Holds<Equal<typeof session.data, Session>>;
    return session.data.user.id + session.user.id;
  }
  type _user = Holds<Equal<typeof session.user, null>>;
  // @ts-expect-error nobody has an id
  return session.user.id;
}

export function ByFlag() {
  const { user, isAuthenticated, loading, error } = useSession();
  if (error?.code === 'bypassed') return 'not through the gateway';
  // @ts-expect-error perhaps nobody
  if (loading) return user.id;
  if (!isAuthenticated) return 'nobody';
  return user.id;
}

export function Claims() {
  const { user, isAuthenticated } = useSession();
  if (!isAuthenticated) return null;
  type _plan = Holds<Equal<typeof user.plan, 'free' | 'pro' | undefined>>;
  type _other = Holds<Equal<typeof user.whatever, unknown>>;
  // @ts-expect-error a plan is a word
  return user.plan === 7;
}

export function FromServer({ session }: { session: ServerSession | null }) {
  return <SessionProvider session={session} />;
}

export async function logIn() {
  const session = await sessionManager.createSession('a@x', 'password', { remember: true });
  type _plan = Holds<Equal<typeof session.user.plan, 'free' | 'pro' | undefined>>;
  const snapshot = sessionManager.getSnapshot();
  if (snapshot.status === 'authenticated') return snapshot.data.session.id;
  // @ts-expect-error nobody has a session
  return snapshot.data.session.id;
}

export function decide(error: unknown) {
  return error instanceof SessionError && error.code === 'invalid_credentials';
}
