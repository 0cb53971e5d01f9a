'use server';

import { commitSession, getServerSession } from '@sidgate/session/next';

export async function enter(form: FormData) {
  const id = String(form.get('user'));
  await commitSession({ type: 'login', identity: { user: { id, email: `${id}@example.com` }, ref: 'nobody reads this' } }, { next: '/actions?done' });
}

export async function move(form: FormData) {
  const session = await getServerSession();
  if (session === null) throw new Error('nobody is logged in');
  await commitSession({ type: 'update', identity: { tenant_id: String(form.get('tenant')) } }, { next: '/actions' });
}

export async function leave() {
  await commitSession({ type: 'logout', scope: 'this' }, { next: '/actions' });
}
