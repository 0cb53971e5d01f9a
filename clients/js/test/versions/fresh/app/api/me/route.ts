import { withServerSession } from '@sidgate/session/next';

export const GET = withServerSession(
  async (req, res) => res.json({ user: req.session.user, attributes: req.session.attributes }),
  { required: true },
);
