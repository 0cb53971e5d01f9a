'use client';

import { useSession } from '@sidgate/session/react';
import Link from 'next/link';
import { useState } from 'react';

export function Onboarding() {
  const { needsOnboarding, loading, update } = useSession();
  const [failed, setFailed] = useState(false);

  async function set(needs: boolean) {
    // A view of the Django app: it answers with a session event, which the gateway commits before we see the answer.
    const answer = await fetch('/demo/event', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ events: [{ type: 'update', identity: { needs_onboarding: needs } }] }),
    });
    setFailed(!answer.ok);
    await update();
  }

  if (loading) return <p className="quiet">Loading…</p>;
  return (
    <>
      {failed && <p role="alert">That did not work. Try again.</p>}
      {needsOnboarding ? (
        <button onClick={() => set(false)}>Finish</button>
      ) : (
        <>
          <p>All done.</p>
          <p className="actions">
            <Link className="button" href="/">
              Home
            </Link>
            <button className="plain" onClick={() => set(true)}>
              Start over
            </button>
          </p>
        </>
      )}
    </>
  );
}
