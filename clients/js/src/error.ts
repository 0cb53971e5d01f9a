/** What Sidgate says, and what we say without an answer of its own. Apps may add words of their own. */
export type SessionErrorCode =
  | 'account_disabled'
  | 'bad_answer'
  | 'bad_request'
  | 'bypassed'
  | 'cookies'
  | 'cross_site'
  | 'headers'
  | 'headers_too_large'
  | 'host_unknown'
  | 'http_error'
  | 'https_required'
  | 'invalid_credentials'
  | 'invalid_request'
  | 'legacy_refused'
  | 'locked'
  | 'method_not_allowed'
  | 'mfa_required'
  | 'network_error'
  | 'not_found'
  | 'not_implemented'
  | 'not_in_browser'
  | 'rate_limited'
  | 'session_limit'
  | 'target'
  | 'too_large'
  | 'too_many_requests'
  | 'unauthenticated'
  | 'unavailable'
  | 'uri_too_long'
  | 'version'
  | (string & {});

/** What is known about a failed call. */
export interface SessionErrorInit {
  status: number;
  code: SessionErrorCode;
  message: string;
  retryAfter?: number | null;
  body?: unknown;
  cause?: unknown;
}

/**
 * Sidgate said no, or did not answer.
 *
 * `code` is what to decide by: the `code` of Sidgate's problem document (`invalid_credentials`, `mfa_required`,
 * `account_disabled`, `locked`, `session_limit`, `cross_site`, `unavailable`, ...), or one of ours: `network_error` (no
 * answer; `status` 0), `bypassed` (the page was opened past the gateway), `bad_answer` (an answer that is not Sidgate's),
 * `not_in_browser`.
 */
export class SessionError extends Error {
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  readonly code: SessionErrorCode;
  /** Seconds to wait before trying again, if the answer says so. */
  readonly retryAfter: number | null;
  /** The answer's JSON. */
  readonly body: unknown;

  constructor(init: SessionErrorInit) {
    super(init.message, { cause: init.cause });
    this.name = 'SessionError';
    this.status = init.status;
    this.code = init.code;
    this.retryAfter = init.retryAfter ?? null;
    this.body = init.body ?? null;
  }

  /** The password was right, and the app wants another factor: ask for it, and log in again with it in `extra`. */
  get isMfaRequired(): boolean {
    return this.code === 'mfa_required';
  }

  /** By what a login can be completed after `mfa_required`, in the app's words, such as `totp`; else empty. */
  get flows(): readonly string[] {
    const { flows } = (this.body ?? {}) as { flows?: unknown };
    return this.isMfaRequired && Array.isArray(flows) ? flows.filter((flow) => typeof flow === 'string') : [];
  }

  /** Nobody knows: neither a yes nor a no. Worth trying again. */
  get isUnknown(): boolean {
    return this.status === 0 || this.status >= 500 || this.code === 'bad_answer' || this.code === 'bypassed';
  }
}
