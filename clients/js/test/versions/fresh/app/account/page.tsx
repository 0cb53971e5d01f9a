import { getServerSession } from '@sidgate/session/next';
import { Suspense } from 'react';

async function Who() {
  const session = await getServerSession();
  return <p id="who">{`account of ${session?.user.id}`}</p>;
}

export default function Page() {
  return (
    <Suspense>
      <Who />
    </Suspense>
  );
}
