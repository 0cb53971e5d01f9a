/** What passes between Sidgate and one app: docs/protocol.md in JavaScript, with jose. To be copied. */
import { createHash } from 'node:crypto';
import { compactVerify, SignJWT } from 'jose';

const STATES = ['active', 'anonymous', 'unknown', 'none'];
/** Seconds by which the two clocks may differ. */
const LEEWAY = 5;

const isText = (value) => typeof value === 'string';
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Claims of an active session that may be missing, and what they are. */
const OPTIONAL = {
  tid: isText,
  email: isText,
  attrs: isObject,
  auth_time: Number.isSafeInteger,
  ah: isText,
  ref: isText,
  stale: Number.isSafeInteger,
};

/** Nothing that this request says about itself is to be believed. */
export class NotFromSidgate extends Error {}

export class Sidgate {
  /** `app`: its name below [upstreams]. `keys`: the current one first, in base64. `clock`: unix seconds. */
  constructor(app, keys, clock = () => Date.now() / 1000) {
    this.app = app;
    this.keys = keys.map(readKey);
    this.clock = clock;
  }

  /** Reads X-Session-Assertion. `claims` are those of an active session, and empty in every other state. */
  async visitor(assertion) {
    const claims = await this.#open(assertion, this.app);
    const { state, site } = claims;
    if (!STATES.includes(state)) throw new NotFromSidgate('unknown state');
    if (!isText(site ?? '')) throw new NotFromSidgate('site has the wrong type');
    if (state !== 'active') return { state, claims: {} };
    for (const name of ['sid', 'sub']) {
      if (!isText(claims[name]) || claims[name] === '') throw new NotFromSidgate(`no ${name}`);
    }
    for (const [name, isRight] of Object.entries(OPTIONAL)) {
      if (!isRight(claims[name]) && (claims[name] ?? null) !== null) throw new NotFromSidgate(`${name} has the wrong type`);
    }
    return { state, claims };
  }

  /** Reads X-Sidgate-Request: `body` are the bytes as they came. */
  async checkRequest(token, body) {
    const { bh } = await this.#open(token, `${this.app}:backend`);
    const hash = createHash('sha256').update(body).digest('base64url');
    if (bh !== hash) throw new NotFromSidgate('signed for another body');
  }

  /** Writes X-Session-Event; `requestId` is the X-Request-Id of the request that is answered. */
  event(requestId, ...events) {
    const claims = { iss: this.app, aud: 'sidgate', iat: Math.floor(this.clock()), req: requestId, ev: events };
    return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(this.keys[0]);
  }

  async #open(token, audience) {
    const claims = parse(await this.#payload(token ?? ''));
    const { iss, aud, iat, exp } = claims;
    if (iss !== 'sidgate' || aud !== audience) throw new NotFromSidgate('of or for somebody else');
    if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) throw new NotFromSidgate('no times');
    const now = this.clock();
    if (now < iat - LEEWAY || now >= exp + LEEWAY) throw new NotFromSidgate('not of this moment');
    return claims;
  }

  async #payload(token) {
    // Readers of base64 forgive foreign letters and set spare bits aside.
    if (!token.split('.').every(isCanonical)) throw new NotFromSidgate('not base64url');
    for (const key of this.keys) {
      try {
        return (await compactVerify(token, key, { algorithms: ['HS256'] })).payload;
      } catch {
        continue;
      }
    }
    throw new NotFromSidgate('not signed by Sidgate for this app');
  }
}

function readKey(text) {
  const key = Buffer.from(text, 'base64');
  if (key.length !== 32 || key.toString('base64') !== text) throw new TypeError('a key is 32 bytes in base64');
  return key;
}

function isCanonical(segment) {
  return segment !== '' && Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function parse(payload) {
  let claims;
  try {
    claims = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload));
  } catch {
    throw new NotFromSidgate('not JSON');
  }
  if (!isObject(claims)) throw new NotFromSidgate('not a JSON object');
  return claims;
}
