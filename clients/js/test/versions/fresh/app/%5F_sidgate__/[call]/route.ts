import { sidgateBackend } from '@sidgate/session/next';

const USERS = ['ada@example.com', 'bob@example.com'];

export const POST = sidgateBackend({
  async authenticate({ email, password, extra }) {
    const account = email.toLowerCase();
    if (account === 'away@example.com') throw new Error('the database of users is away');
    if (!USERS.includes(account) || password !== 'password') return { refused: 'invalid_credentials', account };
    if (account === 'bob@example.com' && extra.otp !== '123456') return { refused: 'mfa_required', flows: ['totp'], account };
    const attributes = { role: 'member' };
    return { user: { id: account.split('@')[0] ?? '', email: account, name: 'Ada' }, tenant_id: 'acme', attributes };
  },

  async introspect(cookies) {
    const user = cookies['old_login'];
    return user === undefined ? null : { user: { id: user }, auth_time: Math.floor(Date.now() / 1_000) };
  },
});
