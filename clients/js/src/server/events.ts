/** `X-Session-Event`: how an app logs people in and out, in the answer to a request that came through the gateway. */
import { type ServerConfig, serverConfig } from './config.js';
import type { Identity, IdentityPatch } from './identity.js';
import { notThroughGateway } from './message.js';
import { header, identify, type RequestLike, unixSeconds } from './request.js';
import { signToken } from './token.js';

export const EVENT_HEADER = 'x-session-event';

/** One wish about the session of a request. The gateway obeys those that `[upstreams.NAME] events` lets this app have. */
export type SessionEvent =
  | {
      type: 'login';
      identity: Identity;
      /** Seconds until the session ends; at most what the gateway is configured for. */
      ttl?: number;
      /** Whether the login outlives the browser. */
      remember?: boolean;
    }
  | { type: 'logout'; scope: LogoutScope }
  | { type: 'update'; identity: IdentityPatch }
  | { type: 'rotate' }
  | { type: 'ref'; ref: string | null };

/** Whether somebody is logged in or out, which nobody may be told of unless it is true. */
export const tellWhoItIs = (events: readonly SessionEvent[]): boolean =>
  events.some(({ type }) => type === 'login' || type === 'logout');

/** `this` session, all `others` of the user, or `all`. */
export type LogoutScope = 'this' | 'others' | 'all';

/** The request whose answer carries the events. */
export interface Answered {
  requestId: string;
  /** Where it came in; `null` without `[[sites]]`. */
  site: string | null;
  config: ServerConfig;
}

/** Throws when the request did not come through the gateway: then nobody would obey. */
export async function answered(request: RequestLike): Promise<Answered> {
  const requestId = header(request, 'x-request-id');
  // A request id alone may be anybody's.
  const { state, site } = await identify(request);
  if (requestId === null || state === 'bypassed') {
    throw new Error(`The session cannot be changed: ${notThroughGateway('nothing signed by it')}`);
  }
  return { requestId, site, config: await serverConfig() };
}

/** The value of `X-Session-Event`. */
export function signEvents({ requestId, site, config }: Answered, events: readonly SessionEvent[]): Promise<string> {
  const claims = { iss: config.upstream, aud: 'sidgate', iat: unixSeconds(), req: requestId, ev: events };
  return signToken(site === null ? claims : { ...claims, site }, config.keys[0] as CryptoKey);
}

/** Changes the session of the request that is being answered. Nothing happens before the answer is sent: await each call. */
export class SessionEvents {
  readonly #request: RequestLike;
  readonly #carry: (value: string) => unknown;
  readonly #events: SessionEvent[] = [];
  #last: Promise<void> = Promise.resolve();

  /** `carry` puts the header on the answer; a later value replaces the one before. */
  constructor(request: RequestLike, carry: (value: string) => unknown) {
    this.#request = request;
    this.#carry = carry;
  }

  /** Opens a session for somebody who has proved who they are. If it cannot be opened, the gateway answers 503 instead. */
  login(identity: Identity, options: { ttl?: number; remember?: boolean } = {}): Promise<void> {
    return this.send({ type: 'login', identity, ...options });
  }

  logout({ scope = 'this' }: { scope?: LogoutScope } = {}): Promise<void> {
    return this.send({ type: 'logout', scope });
  }

  /** Changes what is known of the user; open pages of the session hear of it. */
  update(identity: IdentityPatch): Promise<void> {
    return this.send({ type: 'update', identity });
  }

  /** Another event, or several. */
  send(...events: SessionEvent[]): Promise<void> {
    this.#events.push(...events);
    // One after the other, so that the header with all of them is the last.
    this.#last = this.#last.then(async () => {
      await this.#carry(await signEvents(await answered(this.#request), this.#events));
    });
    return this.#last;
  }

  /** Everything asked for so far. */
  get asked(): readonly SessionEvent[] {
    return this.#events;
  }

  /** When everything asked for is on the answer. */
  settled(): Promise<void> {
    return this.#last;
  }
}
