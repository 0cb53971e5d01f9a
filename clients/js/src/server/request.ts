import { type Identified, readAssertion } from './assertion.js';
import { serverConfig } from './config.js';
import { notThroughGateway } from './message.js';
import { InvalidToken } from './token.js';

const HEADER = 'x-session-assertion';

type NodeHeaders = Record<string, string | string[] | undefined>;

/** Whatever has the headers of a request: a `Request`, an `IncomingMessage`, or `Headers` themselves. */
export type RequestLike = Headers | { headers: Headers | NodeHeaders };

/** Who asks, as far as the gateway has signed it. Rejects with `SidgateConfigError` without a key. */
export async function identify(request: RequestLike): Promise<Identified> {
  // First of all: it tells Next.js that this is no page to prerender, and a build has no key.
  const assertion = header(request, HEADER);
  const config = await serverConfig();
  if (assertion === null) return bypassed('no X-Session-Assertion');
  try {
    return await readAssertion(assertion, config, unixSeconds());
  } catch (why) {
    if (why instanceof InvalidToken) return bypassed(why.message);
    throw why;
  }
}

export const unixSeconds = () => Math.floor(Date.now() / 1_000);

/** A header that is there once. */
export function header(request: RequestLike, name: string): string | null {
  const headers = 'headers' in request ? request.headers : request;
  if (isWebHeaders(headers)) return headers.get(name);
  const value = headers[name];
  // Node joins repeated ones with a comma, which no header of the gateway contains.
  return typeof value === 'string' ? value : null;
}

/** By what it can do: frameworks bring `Headers` of their own. */
export function isWebHeaders(headers: Headers | NodeHeaders): headers is Headers {
  return typeof headers.get === 'function';
}

const told = new Set<string>();

function bypassed(why: string): Identified {
  // Once each: a probe that calls the app directly must not fill the log.
  if (!told.has(why)) {
    told.add(why);
    console.warn(`sidgate: ${notThroughGateway(why)} It is treated as nobody's. Said once.`);
  }
  return { state: 'bypassed', session: null, site: null };
}
