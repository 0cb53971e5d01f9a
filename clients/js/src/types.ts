/**
 * Who is logged in, as the browser knows it. Whatever else the app put into `user` of the identity is there under its own name;
 * a module augmentation of `@sidgate/session` gives it a type.
 */
export interface SessionUser {
  id: string;
  email?: string;
  name?: string;
  tenantId: string | null;
  [member: string]: unknown;
}

/** A live session, as its own browser sees it. */
export interface Session {
  authenticated: true;
  user: SessionUser;
  tenantId: string | null;
  needsOnboarding: boolean;
  session: {
    /** Public handle of the session; not a secret. */
    id: string;
    /** RFC 3339, UTC. `null` while the page has only what its server said. */
    createdAt: string | null;
    /** RFC 3339, UTC: when the session ends at the latest. */
    expiresAt: string | null;
    /** RFC 3339, UTC. */
    lastActivity: string | null;
  };
}

/** Who is logged in, as a server is told. */
export interface ServerUser {
  id: string;
  email?: string;
  tenantId: string | null;
}

/** What the app put into `attributes` of the identity. A module augmentation of `@sidgate/session` gives members a type. */
export interface SessionAttributes {
  [name: string]: unknown;
}

/** A verified session on the server. `<SessionProvider session={...}>` takes it as it is. */
export interface ServerSession {
  authenticated: true;
  user: ServerUser;
  tenantId: string | null;
  /** The attribute `needs_onboarding`. */
  needsOnboarding: boolean;
  session: {
    /** Public handle of the session; not a secret. */
    id: string;
  };
  attributes: SessionAttributes;
  /** When the user last proved who they are. RFC 3339, UTC. */
  authTime: string | null;
  /** Seconds since the gateway last confirmed the session, when it is served stale. */
  stale: number | null;
  /** The site at which the request came in; `null` without `[[sites]]`. */
  site: string | null;
}

/** What a login sends beside address and password. The app that checks them gets every member but `end_others` and `remember`. */
export interface LoginExtra {
  /** A one-time code, after `mfa_required`. */
  otp?: string;
  /** Ends all other sessions of the user: the way in after `session_limit`. */
  end_others?: boolean;
  /** Whether the login outlives the browser, as a box "remember me" says. */
  remember?: boolean;
  [member: string]: unknown;
}

export type SessionStatus = 'loading' | 'authenticated' | 'unauthenticated';

/** One of the sessions of the user: a browser on a device. */
export interface DeviceSession {
  id: string;
  /** The session of this very browser. */
  current: boolean;
  device: { label: string; user_agent: string };
  ip: string | null;
  createdAt: string;
  lastActivity: string;
  expiresAt: string;
  /** Rules about suspicious activity that it broke, such as `user_agent`. */
  flags: string[];
  /** The same with times, newest first; where the gateway watches for it. */
  signals?: { rule: string; at: string }[];
  /** Where the login came from; where the gateway has a database of places. */
  place?: { city: string | null; country: string | null } | null;
}

/** What came of a mass revocation. */
export interface Revoked {
  /** Sessions that were ended. */
  revoked: number;
}

/** What came of `migrate()`. */
export interface Migrated {
  /** Whether old cookies became a session just now. */
  migrated: boolean;
  /** The session, if there is one. */
  session: Session | null;
}

/** Counted since the page was loaded. Durations in milliseconds, `null` before the first request. */
export interface SessionMetrics {
  /** Requests sent to Sidgate. */
  requests: number;
  /** Calls of `getSession` answered from memory. */
  cacheHits: number;
  /** Calls of `getSession` that had to ask. */
  cacheMisses: number;
  /** Percent of calls answered from memory, one decimal. */
  cacheHitRate: number;
  /** Requests without an answer that counts: network, timeout, 5xx. */
  errors: number;
  lastLatencyMs: number | null;
  /** Median of the last 100 requests. */
  p50: number | null;
  /** 95th percentile of the last 100 requests. */
  p95: number | null;
}
