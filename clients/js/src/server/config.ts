import { fromBase64 } from './base64.js';
import { importKey } from './token.js';

/** The environment lacks what is needed to tell a session from a forgery. Never answered with "nobody is logged in". */
export class SidgateConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SidgateConfigError';
  }
}

export interface ServerConfig {
  keys: readonly CryptoKey[];
  /** The same as bytes. */
  secrets: readonly Uint8Array<ArrayBuffer>[];
  /** Name of this app in Sidgate's `[upstreams]`. */
  upstream: string;
  /** Where events are posted to behind an edge (forward-auth); `null`: they go into the answer. */
  eventsUrl: string | null;
}

const KEY_BYTES = 32;
let cached: { written: string; keys: Promise<Pick<ServerConfig, 'keys' | 'secrets'>> } | undefined;

/**
 * What the environment says, read when a request comes: a build needs no key.
 *
 * `SIDGATE_KEY`: what `sidgate keys upstream NAME` prints; several, the current one first, separated by commas while keys rotate.
 * `SIDGATE_UPSTREAM`: the NAME, `next` unless said otherwise.
 * `SIDGATE_EVENTS_URL`: behind an edge, such as `http://127.0.0.1:3001/authz/event`.
 */
export async function serverConfig(): Promise<ServerConfig> {
  const written = process.env.SIDGATE_KEY ?? '';
  if (cached?.written !== written) cached = { written, keys: readKeys(written) };
  return { ...(await cached.keys), upstream: process.env.SIDGATE_UPSTREAM || 'next', eventsUrl: eventsUrl() };
}

function eventsUrl(): string | null {
  const written = process.env.SIDGATE_EVENTS_URL || null;
  if (written === null || /^https?:\/\/[^/]/.test(written)) return written;
  throw new SidgateConfigError('SIDGATE_EVENTS_URL must be a URL such as "http://127.0.0.1:3001/authz/event".');
}

async function readKeys(written: string): Promise<Pick<ServerConfig, 'keys' | 'secrets'>> {
  const secrets = written.split(',').map((text) => {
    const secret = fromBase64(text.trim());
    if (secret?.length === KEY_BYTES) return secret;
    throw new SidgateConfigError(
      `SIDGATE_KEY must be ${KEY_BYTES} bytes in base64, as "sidgate keys upstream NAME --config sidgate.toml" prints it.`,
    );
  });
  return { secrets, keys: await Promise.all(secrets.map(importKey)) };
}
