import { sidgateBackend } from '@sidgate/session/next';

const USERS = ['test@example.com', 'admin@example.com'];

/**
 * For a site without Django: with `[backend] upstream = "next"` Sidgate asks this app whose password it is. In the demo it asks
 * Django, and nobody calls this.
 */
export const POST = sidgateBackend({
  async authenticate({ email, password }) {
    const account = email.toLowerCase();
    if (!USERS.includes(account) || password !== 'password') return { refused: 'invalid_credentials', account };
    return { user: { id: account, email: account }, attributes: { needs_onboarding: false } };
  },
});
