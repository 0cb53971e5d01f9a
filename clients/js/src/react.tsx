'use client';
/** `useSession()` for React 18 and 19. */
import { createContext, type ReactElement, type ReactNode, useContext, useMemo, useSyncExternalStore } from 'react';
import { known, type Known, type Snapshot } from './browser/store.js';
import type { SessionError } from './error.js';
import { type SessionManager, sessionManager } from './index.js';
import type { ServerSession, Session, SessionUser } from './types.js';

interface Source {
  manager: SessionManager;
  /** What the server knew when it rendered the page. */
  initial: Snapshot | undefined;
}

const Context = createContext<Source>({ manager: sessionManager, initial: undefined });

export interface SessionProviderProps {
  /** What `getServerSession()` said: the page is then rendered, and hydrated, with it instead of `loading`. */
  session?: Session | ServerSession | null;
  /** Another manager, for example one with other options. */
  manager?: SessionManager;
  children?: ReactNode;
}

/** Optional: `useSession` works without it. */
export function SessionProvider({ session, manager = sessionManager, children }: SessionProviderProps): ReactElement {
  const source = useMemo(
    () => ({ manager, initial: session === undefined ? undefined : known(session === null ? null : asRendered(session)) }),
    [manager, session],
  );
  return <Context.Provider value={source}>{children}</Context.Provider>;
}

/** The browser's form of what the server knew. */
function asRendered(session: Session | ServerSession): Session {
  const { user, tenantId, needsOnboarding } = session;
  const times = { createdAt: null, expiresAt: null, lastActivity: null };
  return { authenticated: true, user: { ...user }, tenantId, needsOnboarding, session: { ...times, ...session.session } };
}

const failed = new WeakMap<Error, Snapshot>();

/** What the server knew, and why this browser has no answer of its own. The same object for the same error. */
function withError(initial: Snapshot, error: SessionError | null): Snapshot {
  if (error === null) return initial;
  let merged = failed.get(error);
  if (merged?.data !== initial.data) failed.set(error, (merged = { ...initial, error }));
  return merged as Snapshot;
}

interface Common {
  needsOnboarding: boolean;
  tenantId: string | null;
  /** Why the last question has no answer; what was known before stays, and Sidgate is asked again. */
  error: SessionError | null;
  /** Asks Sidgate now. Never rejects: without an answer it is what was known before, and `error` says why. */
  update: () => Promise<Session | null>;
  /** The same as `update`. */
  refetch: () => Promise<Session | null>;
}

/** Somebody: `user` and `data` are there. */
export interface Authenticated extends Common {
  status: 'authenticated';
  isAuthenticated: true;
  loading: false;
  user: SessionUser;
  /** The whole session. */
  data: Session;
}

/** Nobody. */
export interface Unauthenticated extends Common {
  status: 'unauthenticated';
  isAuthenticated: false;
  loading: false;
  user: null;
  data: null;
}

/** Nobody knows yet: neither logged in nor logged out. */
export interface Loading extends Common {
  status: 'loading';
  isAuthenticated: false;
  loading: true;
  user: null;
  data: null;
}

/** `status`, `isAuthenticated` and `loading` tell the three apart, for the compiler too. */
export type UseSession = Authenticated | Unauthenticated | Loading;

/** The session of this browser, kept up to date while the component is on the page. */
export function useSession(): UseSession {
  const { manager, initial } = useContext(Context);
  const getServerSnapshot = () => initial ?? manager.getServerSnapshot();
  const getSnapshot = () => {
    const snapshot = manager.getSnapshot();
    return initial !== undefined && snapshot.pristine ? withError(initial, snapshot.error) : snapshot;
  };
  const snapshot = useSyncExternalStore(manager.subscribe, getSnapshot, getServerSnapshot);
  return useMemo(() => {
    const update = () => manager.getSession({ force: true }).catch(() => manager.getSnapshot().data);
    return { ...members(snapshot), error: snapshot.error, update, refetch: update };
  }, [manager, snapshot]);
}

function members(known: Known) {
  const { status, data } = known;
  if (status !== 'authenticated') {
    const nobody = { isAuthenticated: false, user: null, data: null, needsOnboarding: false, tenantId: null } as const;
    return status === 'loading' ? { status, loading: true, ...nobody } as const : { status, loading: false, ...nobody } as const;
  }
  const { user, needsOnboarding, tenantId } = data;
  return { status, loading: false, isAuthenticated: true, user, data, needsOnboarding, tenantId } as const;
}

export type { ServerSession, Session, SessionStatus, SessionUser } from './types.js';
