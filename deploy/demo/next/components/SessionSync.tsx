'use client';

import { useSession } from '@sidgate/session/react';
import { useRouter } from 'next/navigation';
import { useEffect, useRef } from 'react';

/** Server components do not hear of a login or logout: this asks for them again when the session has changed. */
export function SessionSync() {
  const { data, loading } = useSession();
  const router = useRouter();
  const shown = useRef<string | null>(undefined);
  const session = data?.session.id ?? null;

  useEffect(() => {
    if (loading) return;
    const before = shown.current;
    shown.current = session;
    if (before === undefined || before === session) return;
    // Leaving for good: the router keeps pages for its back button, and nothing private may be among them.
    if (session === null) window.location.reload();
    else router.refresh();
  }, [session, loading, router]);

  return null;
}
