'use client';
import { useSession } from '@sidgate/session/react';
import sessionManager from '../lib/session';

export function Client() {
  const { user, loading } = useSession();
  return <p onClick={() => sessionManager.logout()}>client:{loading ? 'loading' : user ? user.id : 'nobody'}</p>;
}
