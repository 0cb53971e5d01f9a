import type { SessionError } from '../error.js';
import type { Session } from '../types.js';

/** Somebody, nobody, or nothing known yet; `status` tells which. */
export type Known =
  | { status: 'authenticated'; data: Session }
  | { status: 'unauthenticated'; data: null }
  | { status: 'loading'; data: null };

/** What is known at one moment. Never changed, only replaced. */
export type Snapshot = Known & {
  /** Why the last question has no answer; what was known before stays. */
  error: SessionError | null;
  /** No answer yet, so that what the server has rendered still holds. */
  pristine: boolean;
};

/** Nothing is known yet. What servers render, and the first thing browsers do. */
export const LOADING: Snapshot = Object.freeze({ data: null, status: 'loading', error: null, pristine: true });

/** Nothing is known any more: neither by us nor by what the server has rendered. */
export const FORGOTTEN: Snapshot = Object.freeze({ ...LOADING, pristine: false });

/** Somebody, or nobody. */
export function known(data: Session | null): Snapshot {
  const rest = { error: null, pristine: false };
  return data === null ? { data, status: 'unauthenticated', ...rest } : { data, status: 'authenticated', ...rest };
}

/** Holds the current snapshot, in the shape that `useSyncExternalStore` wants. */
export function createStore() {
  let snapshot: Snapshot = LOADING;
  const listeners = new Set<() => void>();
  return {
    get: () => snapshot,
    set(next: Snapshot): void {
      // The same news again is no news: components must not render anew.
      if (JSON.stringify(next.data) === JSON.stringify(snapshot.data)) next = { ...next, data: snapshot.data } as Snapshot;
      const names = Object.keys(next) as Array<keyof Snapshot>;
      if (names.every((name) => next[name] === snapshot[name])) return;
      snapshot = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener: () => void): () => void {
      // Wrapped, so that the same function may subscribe twice.
      const entry = () => listener();
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
  };
}

export type Store = ReturnType<typeof createStore>;
