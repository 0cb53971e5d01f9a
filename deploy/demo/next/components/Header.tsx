'use client';

import sessionManager from '@/utils/sessionManager-v2';
import { useSession } from '@sidgate/session/react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { useState } from 'react';

const PAGES = [
  ['/', 'Home'],
  ['/devices', 'Devices'],
  ['/headers', 'Headers'],
] as const;

export function Header() {
  const path = usePathname();
  return (
    <header className="bar">
      <Link className="brand" href="/">
        <svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
          <rect width="16" height="16" rx="4" fill="var(--accent)" />
          <path d="M5 13V7a3 3 0 0 1 6 0v6" fill="none" stroke="var(--on-accent)" strokeWidth="2" />
        </svg>
        Sidgate
      </Link>
      <nav aria-label="Pages">
        {PAGES.map(([href, name]) => (
          <Link key={href} href={href} prefetch={false} aria-current={path === href ? 'page' : undefined}>
            {name}
          </Link>
        ))}
      </nav>
      <Account />
    </header>
  );
}

function Account() {
  const { user, loading, isAuthenticated } = useSession();
  const [failed, setFailed] = useState(false);

  async function logout() {
    try {
      // SessionSync loads the page anew. A second navigation from here would race with that one.
      await sessionManager.logout();
    } catch {
      setFailed(true);
    }
  }

  if (loading) return <span className="account quiet">…</span>;
  if (!isAuthenticated) {
    return (
      <Link className="account button" href="/signin">
        Log in
      </Link>
    );
  }
  return (
    <span className="account">
      {failed && <span role="alert">Not logged out, try again</span>}
      <span className="who" title={user?.email}>
        {user?.email ?? user?.id}
      </span>
      <button className="plain" onClick={logout}>
        Log out
      </button>
    </span>
  );
}
