import { getServerSession } from '@sidgate/session/next';
import { Suspense } from 'react';

async function remembered(user: string) {
  'use cache';
  return `remembered ${user} ${Math.random()}`;
}

async function Remembered() {
  const session = await getServerSession();
  return <p id="by-argument">{await remembered(session?.user.id ?? 'nobody')}</p>;
}

export default function Page() {
  return (
    <Suspense>
      <Remembered />
    </Suspense>
  );
}
