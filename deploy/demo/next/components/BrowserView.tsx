'use client';

import { useSession } from '@sidgate/session/react';
import { Facts } from '@/components/Facts';
import { sessionManagerEnhanced } from '@/utils/sessionManager-v2-enhanced';

export function BrowserView() {
  const { status, user, tenantId, needsOnboarding, data, error } = useSession();
  const metrics = sessionManagerEnhanced.getMetrics();
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
        'Cache hit rate': metrics.requests > 0 ? `${metrics.cacheHitRate} %` : null,
        Error: error?.message,
      }}
    />
  );
}
