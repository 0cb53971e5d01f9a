'use client';

import { useSession } from '@sidgate/session/react';
import { Facts } from '@/components/Facts';

export function BrowserView() {
  const { status, user, tenantId, needsOnboarding, data, error } = useSession();
  return (
    <Facts
      facts={{
        State: { loading: 'loading', authenticated: 'logged in', unauthenticated: 'nobody' }[status],
        User: user?.id,
        Email: user?.email,
        Tenant: tenantId,
        Session: data?.session.id,
        Onboarding: data && (needsOnboarding ? 'to be done' : 'done'),
        Ends: data?.session.expiresAt,
        Error: error?.message,
      }}
    />
  );
}
