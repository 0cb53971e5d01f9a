import { withServerSession } from '@sidgate/session/next';

export const POST = withServerSession(async (req) => {
  await req.sessionEvents.logout();
  return Response.redirect('http://localhost/', 303);
});
