'use client';

import { useSession } from '@sidgate/session/react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';

export function OnboardingBanner() {
  const { needsOnboarding } = useSession();
  const path = usePathname();
  if (!needsOnboarding || path === '/welcome') return null;
  return (
    <aside className="banner" aria-label="Onboarding">
      <span>Your account is not set up yet.</span>
      <Link href="/welcome">Finish in one step</Link>
    </aside>
  );
}
