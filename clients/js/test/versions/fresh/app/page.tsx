import { getServerSession } from '@sidgate/session/next';
import { Suspense } from 'react';
import { Client } from './client';

async function Server() {
  const session = await getServerSession();
  return <p id="server" className="m-2">{`server:${session ? session.user.id : 'nobody'}`}</p>;
}

export default function Page() {
  return (
    <>
      <Suspense>
        <Server />
      </Suspense>
      <Client />
    </>
  );
}
