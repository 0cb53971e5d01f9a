import { withServerSession } from '@sidgate/session/next';

export const POST = withServerSession(async (req, res) => {
  const { user, ttl, remember } = await req.json();
  await req.sessionEvents.login({ user: { id: user } }, { ttl, remember });
  return res.redirect(303, '/');
});
