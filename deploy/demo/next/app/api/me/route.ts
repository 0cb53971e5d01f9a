import { withServerSession } from '@sidgate/session/next';

/** With `required` nobody gets this far without a session: the wrapper answers 401 by itself. */
export const GET = withServerSession(
  (req, res) => {
    const { user, session, authTime } = req.session;
    return res.json({ user, session: session.id, authTime });
  },
  { required: true },
);
