import { getServerSession } from '@sidgate/session/next';
import { Suspense } from 'react';
import { enter, leave, move } from './actions';

async function Who() {
  const session = await getServerSession();
  return <p id="who">{session ? `${session.user.id} of ${session.tenantId ?? 'nowhere'}` : 'nobody'}</p>;
}

export default function Page() {
  return (
    <>
      <Suspense>
        <Who />
      </Suspense>
      <form action={enter}>
        <input name="user" aria-label="user" />
        <button>enter</button>
      </form>
      <form action={move}>
        <input name="tenant" aria-label="tenant" />
        <button>move</button>
      </form>
      <form action={leave}>
        <button>leave</button>
      </form>
    </>
  );
}
