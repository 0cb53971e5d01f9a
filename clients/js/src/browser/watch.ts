import { listen } from './push.js';
import type { Store } from './store.js';

/** Focus and reconnect do not ask again before this age. */
const FOCUS_AGE_MS = 5_000;
/** After a broken stream. */
const DOUBT_MS = 1_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;
const TIMER_MAX_MS = 2_147_483_647;

export interface Watched {
  store: Store;
  /** `null`: do not listen. */
  eventsUrl: string | null;
  refetchOnFocus: boolean;
  /** Milliseconds since the last answer. */
  age(): number;
  /** Asks Sidgate, whatever is in memory. Never rejects: failures are in the store. */
  refresh(): Promise<void>;
  /** The same, but what is on its way does not count: it was asked before. */
  renew(): Promise<void>;
  /** Asks Sidgate, and until it answers nothing is known. */
  restart(): void;
  /** The gateway has said that the session is over. */
  ended(): void;
}

/**
 * Keeps the store true while somebody looks at it; returns how to stop.
 *
 * A hidden tab holds no stream: browsers allow six connections to one HTTP/1.1 origin, and six forgotten tabs would block the
 * seventh. It is told by the visible tab, and asks when it is looked at.
 */
export function watch({ store, eventsUrl, refetchOnFocus, age, refresh, renew, restart, ended }: Watched): () => void {
  const stopping = new AbortController();
  const { signal } = stopping;
  let stream: { session: string; close: () => void } | undefined;
  let expiry: ReturnType<typeof setTimeout> | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let doubt: ReturnType<typeof setTimeout> | undefined;
  let wait = RETRY_MIN_MS;
  const visible = () => document.visibilityState === 'visible';

  function hangUp(): void {
    stream?.close();
    stream = undefined;
  }

  function follow(): void {
    const session = store.get().data?.session;
    if (!visible() || stream?.session !== session?.id) hangUp();
    if (eventsUrl !== null && visible() && session !== undefined) {
      const handlers = { interrupted, revoked: ended, changed: () => void renew() };
      stream ??= { session: session.id, close: listen(eventsUrl, handlers) };
    }
    clearTimeout(expiry);
    const left = Date.parse(session?.expiresAt ?? '') - Date.now();
    // A second later, so that the gateway agrees. A session that has ended by our clock alone is left to focus.
    if (left > 0) expiry = setTimeout(() => void refresh(), Math.min(left + 1_000, TIMER_MAX_MS));
  }

  /** Not at once, and not all pages of a restarted gateway together. */
  function interrupted(): void {
    clearTimeout(doubt);
    doubt = setTimeout(() => void refresh(), DOUBT_MS * (0.5 + Math.random()));
  }

  function tryAgain(): void {
    clearTimeout(retry);
    const { error } = store.get();
    if (error === null) {
      wait = RETRY_MIN_MS;
    } else if (visible() && error.isUnknown && error.code !== 'not_in_browser') {
      // At the wrong address asking again helps nobody but those who repair it.
      const least = error.code === 'bypassed' ? RETRY_MAX_MS : (error.retryAfter ?? 0) * 1_000;
      retry = setTimeout(() => void refresh(), Math.max(wait * (0.75 + Math.random() / 2), least));
      wait = Math.min(wait * 2, RETRY_MAX_MS);
    }
  }

  function looked(): void {
    follow();
    if (!visible() || !refetchOnFocus) return;
    if (store.get().error !== null || age() > FOCUS_AGE_MS) void refresh();
  }

  function changed(): void {
    follow();
    tryAgain();
  }

  document.addEventListener('visibilitychange', looked, { signal });
  window.addEventListener('focus', looked, { signal });
  window.addEventListener('online', () => void renew(), { signal });
  window.addEventListener('offline', () => void renew(), { signal });
  // A page that leaves may be kept, and shown again as it was: with the session of that time.
  window.addEventListener('pagehide', hangUp, { signal });
  window.addEventListener('pageshow', (event) => event.persisted && restart(), { signal });
  const leave = store.subscribe(changed);
  changed();

  return () => {
    leave();
    stopping.abort();
    hangUp();
    clearTimeout(expiry);
    clearTimeout(retry);
    clearTimeout(doubt);
  };
}
