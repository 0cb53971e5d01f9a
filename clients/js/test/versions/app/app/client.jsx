'use client';
import { useSession } from '@sidgate/session/react';

export function Client() {
  const { user, loading } = useSession();
  return <p>client:{loading ? 'loading' : user ? user.id : 'nobody'}</p>;
}
