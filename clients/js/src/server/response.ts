/** Answers in the style of the Pages Router, for the App Router: each ends in a `Response` to be returned. */
export interface RouteResponse {
  status(code: number): RouteResponse;
  /** Several values make several header lines. */
  setHeader(name: string, value: string | number | readonly string[]): RouteResponse;
  json(body: unknown): Response;
  send(body: BodyInit | null): Response;
  end(): Response;
  /** 307 unless said otherwise. */
  redirect(location: string): Response;
  redirect(status: number, location: string): Response;
}

/** Answers about a session are nobody else's: `Cache-Control: private, no-store` unless the handler sets another. */
export function routeResponse(): RouteResponse {
  let status = 200;
  const headers = new Headers({ 'cache-control': 'private, no-store' });
  const make = (body: BodyInit | null) => new Response(body, { status, headers });
  const response: RouteResponse = {
    status(code) {
      status = code;
      return response;
    },
    setHeader(name, value) {
      headers.delete(name);
      for (const one of Array.isArray(value) ? value : [value]) headers.append(name, String(one));
      return response;
    },
    json(body) {
      if (!headers.has('content-type')) headers.set('content-type', 'application/json');
      return make(JSON.stringify(body) ?? 'null');
    },
    send: make,
    end: () => make(null),
    redirect(first: number | string, second?: string) {
      status = typeof first === 'number' ? first : 307;
      headers.set('location', typeof first === 'number' ? (second ?? '/') : first);
      return make(null);
    },
  };
  return response;
}
