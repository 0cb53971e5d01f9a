/**
 * What this app is, for `sidgate doctor`: facts that a gateway needs to judge it, and no secret. A key is not among them, nor a
 * fingerprint of one: an app with another key does not answer at all.
 */
import { VERSION } from '../version.js';
import { LEEWAY } from './token.js';

/** The answer to a signed question of the gateway; `calls` are the questions that the app answers besides this one. */
export function facts(request: Request, upstream: string, calls: readonly string[]): Record<string, unknown> {
  return {
    package: { name: '@sidgate/session', version: VERSION },
    framework: { name: 'next' },
    upstream,
    time_ms: Date.now(),
    leeway: LEEWAY,
    // `getServerSession()` and the wrappers verify; nothing here can tell which pages call them.
    assertions: 'where_used',
    unsigned: [],
    bypass: 'anonymous',
    own_login: false,
    calls,
    debug: process.env.NODE_ENV !== 'production',
    seen: seen(request),
    findings: [],
  };
}

/** Frameworks keep the address of the peer to themselves. */
function seen(request: Request): Record<string, unknown> {
  const { headers } = request;
  return {
    scheme: headers.get('x-forwarded-proto') ?? new URL(request.url).protocol.replace(':', ''),
    host: headers.get('host'),
    address: null,
  };
}
