/**
 * JWT HS256, read as strictly as Sidgate writes it: one algorithm, one spelling, no optional parts.
 *
 * WebCrypto alone, so that it runs in Node, in Edge runtimes and in middleware. `clients/vectors` holds what every reader of these
 * tokens must accept and refuse.
 */
import { fromBase64url, toBase64url } from './base64.js';

export type Claims = Record<string, unknown>;

/** Seconds by which the clocks of gateway and app may differ. */
export const LEEWAY = 5;

/** The token proves nothing. The message says why and never repeats the token. */
export class InvalidToken extends Error {}

const LENGTH_MAX = 32_768;

/** Makes a key that never leaves it again. */
export function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
}

/** A token that says `claims`. */
export async function signToken(claims: Claims, key: CryptoKey): Promise<string> {
  const segment = (value: unknown) => toBase64url(new TextEncoder().encode(JSON.stringify(value)));
  const signed = `${segment({ typ: 'JWT', alg: 'HS256' })}.${segment(claims)}`;
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(signed));
  return `${signed}.${toBase64url(new Uint8Array(signature))}`;
}

/** The claims of a token that `issuer` signed for `audience` under one of the keys. Times are not looked at. */
export async function openToken(
  token: string,
  keys: readonly CryptoKey[],
  { issuer, audience }: { issuer: string; audience: string },
): Promise<Claims> {
  if (token.length > LENGTH_MAX) throw new InvalidToken('too long');
  const segments = token.split('.');
  if (segments.length !== 3) throw new InvalidToken('not three segments');
  const [header, payload, signature] = segments.map(fromBase64url);
  if (!header || !payload || !signature) throw new InvalidToken('not base64url');
  // The signature comes first: unsigned bytes never reach the JSON parser.
  const signed = new TextEncoder().encode(token.slice(0, token.lastIndexOf('.')));
  if (!(await isSigned(keys, signature, signed))) throw new InvalidToken('wrong signature');
  const { alg, crit } = parse(header);
  if (alg !== 'HS256') throw new InvalidToken('wrong algorithm');
  // RFC 7515, 4.1.11: extensions that we do not know must be refused.
  if (crit !== undefined) throw new InvalidToken('unknown critical extension');
  const claims = parse(payload);
  if (claims['iss'] !== issuer) throw new InvalidToken('wrong issuer');
  if (claims['aud'] !== audience) throw new InvalidToken('wrong audience');
  return claims;
}

/** Throws unless the claims are of this moment. `now` in unix seconds. */
export function checkTimes(claims: Claims, now: number, leeway: number): void {
  if (seconds(claims, 'iat') > now + leeway) throw new InvalidToken('issued in the future');
  if (seconds(claims, 'exp') + leeway <= now) throw new InvalidToken('expired');
}

async function isSigned(
  keys: readonly CryptoKey[],
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  for (const key of keys) {
    if (await crypto.subtle.verify('HMAC', key, signature, signed)) return true;
  }
  return false;
}

function parse(bytes: Uint8Array): Claims {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new InvalidToken('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidToken('not a JSON object');
  return value as Claims;
}

function seconds(claims: Claims, name: string): number {
  const value = claims[name];
  if (!Number.isSafeInteger(value)) throw new InvalidToken(`${name} is not a whole number`);
  return value as number;
}
