/** The request that is being answered, where the framework hands out none: server components, server actions. */
export async function currentHeaders(): Promise<Headers> {
  // Only here, so that the rest works where the App Router does not. With the extension: `next` has no map of exports.
  const [{ headers }, { connection }] = await Promise.all([import('next/headers.js'), import('next/server.js')]);
  // A session is of one request: no part of it is prerendered, and the clock may be read. Next.js 14 has no `connection`.
  await connection?.();
  return (await headers()) as Headers;
}
