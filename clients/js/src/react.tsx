'use client';
/** `useSession()` for React 18 and 19. */
import { createContext, type ReactElement, type ReactNode, useContext, useMemo, useSyncExternalStore } from 'react';
import { known, type Snapshot } from './browser/store.js';
import { type SessionManager, sessionManager } from './index.js';
import type { Session, SessionStatus, SessionUser } from './types.js';

interface Source {
  manager: SessionManager;
  /** What the server knew when it rendered the page. */
  initial: Snapshot | undefined;
}

const Context = createContext<Source>({ manager: sessionManager, initial: undefined });

export interface SessionProviderProps {
  /** What `getServerSession()` said: the page is then rendered, and hydrated, with it instead of `loading`. */
  session?: Session | null;
  /** Another manager, for example one with other options. */
  manager?: SessionManager;
  children?: ReactNode;
}

/** Optional: `useSession` works without it. */
export function SessionProvider({ session, manager = sessionManager, children }: SessionProviderProps): ReactElement {
  const source = useMemo(
    () => ({ manager, initial: session === undefined ? undefined : known(session) }),
    [manager, session],
  );
  return <Context.Provider value={source}>{children}</Context.Provider>;
}

const failed = new WeakMap<Error, Snapshot>();

/** What the server knew, and why this browser has no answer of its own. The same object for the same error. */
function withError(initial: Snapshot, error: Error | null): Snapshot {
  if (error === null) return initial;
  let merged = failed.get(error);
  if (merged?.data !== initial.data) failed.set(error, (merged = { ...initial, error }));
  return merged as Snapshot;
}

export interface UseSession {
  user: SessionUser | null;
  isAuthenticated: boolean;
  /** Nobody knows yet: neither logged in nor logged out. */
  loading: boolean;
  needsOnboarding: boolean;
  tenantId: string | null;
  /** The whole session. */
  data: Session | null;
  status: SessionStatus;
  /** Why the last question has no answer; what was known before stays, and Sidgate is asked again. */
  error: Error | null;
  /** Asks Sidgate now. Never rejects: without an answer it is what was known before, and `error` says why. */
  update: () => Promise<Session | null>;
  /** The same as `update`. */
  refetch: () => Promise<Session | null>;
}

/** The session of this browser, kept up to date while the component is on the page. */
export function useSession(): UseSession {
  const { manager, initial } = useContext(Context);
  const getServerSnapshot = () => initial ?? manager.getServerSnapshot();
  const getSnapshot = () => {
    const snapshot = manager.getSnapshot();
    return initial !== undefined && snapshot.pristine ? withError(initial, snapshot.error) : snapshot;
  };
  const { data, status, error } = useSyncExternalStore(manager.subscribe, getSnapshot, getServerSnapshot);
  return useMemo(() => {
    const update = () => manager.getSession({ force: true }).catch(() => manager.getSnapshot().data);
    return {
      user: data?.user ?? null,
      isAuthenticated: status === 'authenticated',
      loading: status === 'loading',
      needsOnboarding: data?.needsOnboarding ?? false,
      tenantId: data?.tenantId ?? null,
      data,
      status,
      error,
      update,
      refetch: update,
    };
  }, [manager, data, status, error]);
}

export type { Session, SessionStatus, SessionUser } from './types.js';
