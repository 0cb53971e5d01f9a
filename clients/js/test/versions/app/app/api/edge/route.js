import { withServerSession } from '../../../lib/session';

export const runtime = "edge";

export const GET = withServerSession(async (req, res) => {
  if (!req.session) {
    return res.status(401).json({ error: 'Unauthorized' });
  }

  // req.session contains user data from backend
  const { user } = req.session;
  return res.json({ tenantId: user.tenantId });
});
