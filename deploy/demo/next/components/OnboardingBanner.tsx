'use client';

import { useSession } from '@sidgate/session/react';

/** Django keeps the flag, and its page changes it: every open page of the user hears of that. */
export function OnboardingBanner() {
  const { needsOnboarding } = useSession();
  if (!needsOnboarding) return null;
  return (
    <aside className="banner" aria-label="Onboarding">
      <span>Your account is not set up yet.</span>
      <a href="/onboarding">Finish in one step</a>
    </aside>
  );
}
