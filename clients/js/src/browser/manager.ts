import type { SessionError } from '../error.js';
import type { DeviceSession, LoginExtra, Migrated, Revoked, Session, SessionMetrics } from '../types.js';
import { isObject, readDevices, readSession } from './answers.js';
import { createMetrics } from './metrics.js';
import { warnDeveloper } from './notice.js';
import { createStore, FORGOTTEN, known, LOADING, type Snapshot } from './store.js';
import { joinTabs, type TabNews } from './tabs.js';
import { type Answer, badAnswer, bypassed, createTransport, refusal } from './transport.js';
import { watch } from './watch.js';

export interface SessionManagerOptions {
  /** Sidgate's `[endpoints] base_path`. */
  basePath?: string;
  /** How long an answer is believed without asking again, in milliseconds. */
  cacheMs?: number;
  /** How long to wait for an answer, in milliseconds. */
  timeoutMs?: number;
  /** Ask again when the page gets the focus. */
  refetchOnFocus?: boolean;
  /** Listen to `GET /events`. Without it a revoked session is noticed on focus. */
  push?: boolean;
  /** Name of the channel that tabs follow each other on. */
  channel?: string | false;
  /** Called instead of the global `fetch`, for example in tests. */
  fetch?: typeof fetch;
}

export interface SessionManager {
  /** The session, or `null` for nobody; from memory, or from Sidgate with `force`. Rejects when nobody knows. */
  getSession(options?: { force?: boolean }): Promise<Session | null>;
  /**
   * Logs in. `extra` reaches the app that checks the password. Rejects with `mfa_required` where the app wants another
   * factor; the login is then completed by a second call with the same credentials and, for example, `{otp: "123456"}`.
   */
  createSession(email: string, password: string, extra?: LoginExtra): Promise<Session>;
  /** Logs out: this browser, or every device of the user. */
  logout(options?: { everywhere?: boolean }): Promise<void>;
  /** Forgets what is in memory: the next `getSession()` asks. */
  clearCache(): void;
  getMetrics(): SessionMetrics;
  /** The sessions of this user, on all devices. */
  listSessions(): Promise<DeviceSession[]>;
  /** Ends one of them; `false` if there is no such session (any more). */
  revokeSession(id: string): Promise<boolean>;
  /** Ends all of them but this one. */
  revokeOthers(): Promise<Revoked>;
  /** Turns the cookies of the old login system into a session. */
  migrate(): Promise<Migrated>;
  /** For `useSyncExternalStore`. While somebody subscribes, the session is kept up to date. */
  subscribe(listener: () => void): () => void;
  getSnapshot(): Snapshot;
  getServerSnapshot(): Snapshot;
}

/** One for each Sidgate that a page talks to; nearly always the ready-made `sessionManager`. */
export function createSessionManager(options: SessionManagerOptions = {}): SessionManager {
  const { basePath = '/api/auth', cacheMs = 300_000, timeoutMs = 10_000, refetchOnFocus = true } = options;
  const eventsUrl = options.push === false ? null : `${basePath}/events`;
  const metrics = createMetrics();
  const call = createTransport({ basePath, timeoutMs, fetch: options.fetch, metrics });
  const store = createStore();
  const tabs = joinTabs(options.channel ?? 'sidgate', hear);
  let answeredAt: number | null = null;
  let flight: Promise<Session | null> | null = null;
  // Questions are numbered. An answer to one that is not above `settled` comes too late: a later question was answered
  // before it, or a login or logout has overtaken it.
  let asked = 0;
  let settled = 0;
  let changes: Promise<unknown> = Promise.resolve();
  let subscribers = 0;
  let unwatch: (() => void) | undefined;
  const age = () => (answeredAt === null ? Infinity : Date.now() - answeredAt);

  /** Takes over an answer, to the question of that number or to a change that makes all of them outdated. */
  function put(session: Session | null, number = asked): void {
    settled = number;
    if (number === asked) flight = null;
    answeredAt = Date.now();
    store.set(known(session));
  }

  function clearCache(): void {
    settled = asked;
    flight = null;
    answeredAt = null;
  }

  async function ask(): Promise<Session | null> {
    const number = ++asked;
    try {
      const answer = await call('GET', '/session-v2');
      if (answer.status === 404) throw bypassed(answer.status);
      if (answer.status !== 200 && answer.status !== 401) throw refusal(answer);
      const session = answer.status === 401 ? null : readSession(answer);
      if (number <= settled) return answeredAt === null ? session : store.get().data;
      put(session, number);
      return store.get().data;
    } catch (error) {
      // A later question, or what has overtaken this one, has the last word.
      if (number === asked && number > settled) {
        flight = null;
        // Unknown is never "no": whoever was logged in stays so until somebody knows.
        store.set({ ...store.get(), error: error as SessionError });
        warnDeveloper(error as SessionError);
      }
      throw error;
    }
  }

  function getSession({ force = false } = {}): Promise<Session | null> {
    if (!force && age() < cacheMs) {
      metrics.hit();
      return Promise.resolve(store.get().data);
    }
    metrics.miss();
    // What is on its way may have been asked before the caller's reason to ask again.
    if (force) flight = null;
    return board();
  }

  function board(): Promise<Session | null> {
    flight ??= ask();
    return flight;
  }

  const refresh = () => board().then(noop, noop);
  const renew = () => getSession({ force: true }).then(noop, noop);

  function restart(): void {
    clearCache();
    store.set(FORGOTTEN);
    void refresh();
  }

  /** Changes go one after the other, so that the last word is the last call's. */
  function change<T>(make: () => Promise<T>): Promise<T> {
    const done = changes.then(make);
    changes = done.catch(noop);
    return done;
  }

  function signedOut(news: TabNews = 'logout'): void {
    put(null);
    tabs.tell(news);
  }

  function hear(news: TabNews): void {
    if (news === 'logout') {
      put(null);
      return;
    }
    clearCache();
    if (subscribers > 0) void refresh();
  }

  /** A push says that the session is over; perhaps this browser has another one by now. */
  function ended(): void {
    clearCache();
    tabs.tell('refresh');
    board().catch(() => put(null));
  }

  /** Throws unless the answer has one of the statuses. 401 also tells us that nobody is logged in. */
  function expect(answer: Answer, ...statuses: number[]): Answer {
    if (statuses.includes(answer.status)) return answer;
    if (answer.status === 401) signedOut();
    throw refusal(answer);
  }

  /** All pages of the list. A session that is used meanwhile moves to the front and may come twice: it is listed once. */
  async function listSessions(): Promise<DeviceSession[]> {
    const found = new Map<string, DeviceSession>();
    let after: string | undefined;
    do {
      const target = after === undefined ? '/sessions' : `/sessions?after=${encodeURIComponent(after)}`;
      const { sessions, next } = readDevices(expect(await call('GET', target), 200));
      for (const session of sessions) if (!found.has(session.id)) found.set(session.id, session);
      after = next;
    } while (after !== undefined);
    return [...found.values()];
  }

  return {
    getSession,
    clearCache,
    getMetrics: metrics.read,

    createSession: (email, password, extra = {}) =>
      change(async () => {
        const answer = await call('POST', '/session-v2', { ...extra, email, password });
        if (answer.status !== 201) throw refusal(answer);
        const session = readSession(answer);
        if (session === null) throw badAnswer(answer.status);
        put(session);
        tabs.tell('login');
        return session;
      }),

    logout: ({ everywhere = false } = {}) =>
      change(async () => {
        const answer = await call('DELETE', everywhere ? '/sessions?scope=all' : '/session-v2');
        // 401: there was no session, which is what was wanted.
        if (answer.status >= 400 && answer.status !== 401) throw refusal(answer);
        signedOut();
      }),

    listSessions,

    revokeSession: (id) =>
      change(async () => {
        const { status } = expect(await call('DELETE', `/sessions/${encodeURIComponent(id)}`), 204, 404);
        if (status === 204 && store.get().data?.session.id === id) signedOut();
        return status === 204;
      }),

    revokeOthers: () =>
      change(async () => {
        const { status, body } = expect(await call('DELETE', '/sessions?scope=others'), 200);
        if (!isObject(body) || typeof body['revoked'] !== 'number') throw badAnswer(status);
        return body as unknown as Revoked;
      }),

    migrate: () =>
      change(async () => {
        const answer = await call('POST', '/migrate-session', {});
        if (answer.status === 401) {
          signedOut();
          return { migrated: false, session: null };
        }
        if (answer.status !== 200) throw refusal(answer);
        const session = readSession(answer);
        put(session);
        if (session !== null) tabs.tell('login');
        return { migrated: (answer.body as { migrated?: unknown }).migrated === true, session };
      }),

    subscribe(listener) {
      const leave = store.subscribe(listener);
      subscribers++;
      unwatch ??= watch({ store, eventsUrl, refetchOnFocus, age, refresh, renew, restart, ended });
      void getSession().catch(noop);
      return () => {
        leave();
        subscribers--;
        if (subscribers > 0) return;
        unwatch?.();
        unwatch = undefined;
      };
    },
    getSnapshot: store.get,
    getServerSnapshot: () => LOADING,
  };
}

function noop(): void {}
