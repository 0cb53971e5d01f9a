'use client';

import sessionManager, { SessionError } from '@sidgate/session';
import { useRouter } from 'next/navigation';
import { type SyntheticEvent, useState } from 'react';

const SAID: Record<string, string> = {
  invalid_credentials: 'Email or password is wrong.',
  account_disabled: 'This account is switched off.',
  locked: 'Too many attempts. Try again later.',
  mfa_required: 'This account needs one more step. Use the login page.',
};

export function SignIn({ next }: { next: string }) {
  const router = useRouter();
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    try {
      await sessionManager.createSession(String(form.get('email')), String(form.get('password')));
      router.push(next);
    } catch (error) {
      const code = error instanceof SessionError ? error.code : '';
      setFault(SAID[code] ?? 'Cannot log in right now. Try again in a moment.');
    } finally {
      setBusy(false);
    }
  }

  return (
    <section className="card narrow">
      <h1>Log in</h1>
      <p className="quiet">
        Try <code>test@example.com</code> or <code>admin@example.com</code>, with <code>password</code>.
      </p>
      <form onSubmit={submit}>
        {fault && <p role="alert">{fault}</p>}
        <label htmlFor="email">Email</label>
        <input id="email" name="email" type="email" autoComplete="username" required autoFocus />
        <label htmlFor="password">Password</label>
        <input id="password" name="password" type="password" autoComplete="current-password" required />
        <button disabled={busy}>{busy ? 'Logging in…' : 'Log in'}</button>
      </form>
      <p className="quiet small">
        This form calls <code>sessionManager.createSession()</code>. <a href="/login">Django’s own form</a> ends in the same
        session.
      </p>
    </section>
  );
}
