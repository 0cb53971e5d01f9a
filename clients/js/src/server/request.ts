import { type Identified, readAssertion } from './assertion.js';
import { serverConfig } from './config.js';
import { InvalidToken } from './token.js';

const HEADER = 'x-session-assertion';

type NodeHeaders = Record<string, string | string[] | undefined>;

/** Whatever has the headers of a request: a `Request`, an `IncomingMessage`, or `Headers` themselves. */
export type RequestLike = Headers | { headers: Headers | NodeHeaders };

/** Who asks, as far as the gateway has signed it. Rejects with `SidgateConfigError` without a key. */
export async function identify(request: RequestLike): Promise<Identified> {
  const config = await serverConfig();
  const assertion = header(request);
  if (assertion === null) return bypassed('no X-Session-Assertion');
  try {
    return await readAssertion(assertion, config, Math.floor(Date.now() / 1_000));
  } catch (why) {
    if (why instanceof InvalidToken) return bypassed(why.message);
    throw why;
  }
}

function header(request: RequestLike): string | null {
  const headers = 'headers' in request ? request.headers : request;
  if (isWebHeaders(headers)) return headers.get(HEADER);
  const value = headers[HEADER];
  // Node joins repeated ones with a comma, which no assertion contains.
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
    console.warn(`sidgate: a request did not come through the gateway (${why}); it is treated as nobody's. Said once.`);
  }
  return { state: 'bypassed', session: null };
}
