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
  /** Name of this app in Sidgate's `[upstreams]`. */
  upstream: string;
}

const KEY_BYTES = 32;
let cached: { written: string; keys: Promise<readonly CryptoKey[]> } | undefined;

/**
 * What the environment says, read when a request comes: a build needs no key.
 *
 * `SIDGATE_KEY`: what `sidgate keys upstream NAME` prints; several, the current one first, separated by commas while keys rotate.
 * `SIDGATE_UPSTREAM`: the NAME, `next` unless said otherwise.
 */
export async function serverConfig(): Promise<ServerConfig> {
  const written = process.env.SIDGATE_KEY ?? '';
  if (cached?.written !== written) cached = { written, keys: importKeys(written) };
  return { keys: await cached.keys, upstream: process.env.SIDGATE_UPSTREAM || 'next' };
}

async function importKeys(written: string): Promise<readonly CryptoKey[]> {
  const keys = written.split(',').map((key) => fromBase64(key.trim()));
  return Promise.all(
    keys.map((key) => {
      if (key?.length === KEY_BYTES) return importKey(key);
      throw new SidgateConfigError(
        `SIDGATE_KEY must be ${KEY_BYTES} bytes in base64, as "sidgate keys upstream NAME --config sidgate.toml" prints it.`,
      );
    }),
  );
}
