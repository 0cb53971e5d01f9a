import { withServerSession } from '@sidgate/session/pages';

export default withServerSession(async (req, res) => {
  if (req.query.enter) await req.sessionEvents.login({ user: { id: String(req.query.enter) } });
  res.status(200).json({ user: req.session?.user ?? null });
});
