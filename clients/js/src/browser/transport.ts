import { SessionError } from '../error.js';
import type { Metrics } from './metrics.js';

/** An answer that counts: below 500, and JSON if it has a body. */
export interface Answer {
  status: number;
  /** `null` without a body. */
  body: unknown;
  retryAfter: number | null;
}

export interface TransportOptions {
  basePath: string;
  timeoutMs: number;
  fetch: typeof fetch | undefined;
  metrics: Metrics;
}

export type Call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<Answer>;

/** Calls Sidgate's endpoints. Rejects with a `SessionError` when there is no answer that counts. */
export function createTransport({ basePath, timeoutMs, fetch: given, metrics }: TransportOptions): Call {
  return async (method, path, body) => {
    if (given === undefined && typeof window === 'undefined') {
      throw new SessionError({
        status: 0,
        code: 'not_in_browser',
        message: 'sessionManager works in the browser. On the server use getServerSession() of @sidgate/session/next.',
      });
    }
    const began = performance.now();
    metrics.sent();
    try {
      const response = await (given ?? fetch)(`${basePath}${path}`, {
        method,
        credentials: 'same-origin',
        cache: 'no-store',
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
        headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = await read(response);
      metrics.took(performance.now() - began);
      return answer;
    } catch (cause) {
      metrics.failed();
      if (cause instanceof SessionError) throw cause;
      throw new SessionError({ status: 0, code: 'network_error', message: 'Sidgate did not answer', cause });
    }
  };
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  let body: unknown = null;
  try {
    if (text !== '') body = JSON.parse(text);
  } catch (cause) {
    if (response.status < 500) throw bypassed(response.status, cause);
  }
  const answer = { status: response.status, body, retryAfter: seconds(response.headers.get('retry-after')) };
  if (response.status >= 500) throw refusal(answer);
  return answer;
}

function seconds(header: string | null): number | null {
  return header !== null && /^\d+$/.test(header) ? Number(header) : null;
}

/** The error for an answer that is a no. */
export function refusal({ status, body, retryAfter }: Answer): SessionError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof problem[name] === 'string' ? problem[name] : undefined);
  const code = text('code') ?? 'http_error';
  const message = text('detail') ?? text('title') ?? `Sidgate answered ${status}`;
  return new SessionError({ status, code, message, retryAfter, body });
}

/** The error for an answer that Sidgate would not give. */
export function badAnswer(status: number): SessionError {
  return new SessionError({ status, code: 'bad_answer', message: 'The answer is not from Sidgate.' });
}

/** The error for a page where an answer should be: the app itself has answered. */
export function bypassed(status: number, cause?: unknown): SessionError {
  const message = 'The answer is not from Sidgate: this page was not opened at the address of the gateway.';
  return new SessionError({ status, code: 'bypassed', message, cause });
}
