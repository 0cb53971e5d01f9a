import { getServerSession } from '@sidgate/session/next';
import { unstable_cache } from 'next/cache';
import { cookies } from 'next/headers';
import { Suspense } from 'react';

const made = (what: string) => async () => `${what} ${Math.random()}`;

async function Cached() {
  const session = await getServerSession();
  const jar = (await cookies()).toString();
  const user = session?.user.id ?? 'nobody';
  const byUser = await unstable_cache(made(`user ${user}`), ['by user', user])();
  const byCookie = await unstable_cache(made(`cookie ${user}`), ['by cookie', jar])();
  return (
    <>
      <p id="by-user">{byUser}</p>
      <p id="by-cookie">{byCookie}</p>
    </>
  );
}

export default function Page() {
  return (
    <Suspense>
      <Cached />
    </Suspense>
  );
}
