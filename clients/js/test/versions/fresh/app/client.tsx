'use client';

import sessionManager from '@sidgate/session';
import { useSession } from '@sidgate/session/react';

export function Client() {
  const { user, loading, error } = useSession();
  return (
    <>
      <p id="client">{`client:${loading ? 'loading' : user ? user.id : 'nobody'}`}</p>
      <p id="error">{`error:${error?.code ?? 'none'}`}</p>
      <button onClick={() => sessionManager.logout()}>Log out</button>
    </>
  );
}
