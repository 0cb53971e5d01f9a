/** The users of the example. Yours are in a database, and their passwords behind a slow hash. */
import { createHash, timingSafeEqual } from 'node:crypto';

const USERS = new Map([
  [
    'ada@example.com',
    {
      password: 'correct horse',
      identity: { user: { id: '7', email: 'ada@example.com' }, attributes: { name: 'Ada' } },
    },
  ],
]);

/** Who that is, if the password is right. An unknown name takes as long as a wrong password. */
export function identityOf(email, password) {
  const user = USERS.get(email) ?? { password: '', identity: null };
  return timingSafeEqual(digest(password), digest(user.password)) ? user.identity : null;
}

const digest = (text) => createHash('sha256').update(String(text)).digest();
