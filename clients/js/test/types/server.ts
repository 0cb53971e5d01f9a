// What the built package promises to compilers, on the server.
import { type BackendOptions, getServerSession, type ServerUser, sidgateBackend, withServerSession } from '@sidgate/session/next';
import { getServerSession as ofRequest, withServerSession as withApiSession } from '@sidgate/session/pages';
import type { NextApiHandler } from 'next';
import type { NextRequest } from 'next/server.js';
import type { Equal, Holds } from './support.js';

declare module '@sidgate/session' {
  interface SessionAttributes {
    role?: 'admin' | 'member';
  }
}

export async function page() {
  const session = await getServerSession();
  // @ts-expect-error perhaps nobody
  const early = session.user;
  if (session === null) return null;
  type _user = Holds<Equal<typeof session.user, ServerUser>>;
  type _site = Holds<Equal<typeof session.site, string | null>>;
  type _role = Holds<Equal<typeof session.attributes.role, 'admin' | 'member' | undefined>>;
  // @ts-expect-error a server is not told the name
  return session.user.name;
}

type Params = { params: Promise<{ id: string }> };

export const GET = withServerSession<Params>(
  async (req, res, { params }) => res.json({ id: (await params).id, user: req.session.user.id, path: req.nextUrl.pathname }),
  { required: true },
);
type _get = Holds<Equal<typeof GET, (req: NextRequest, context: Params) => Promise<Response>>>;

export const POST = withServerSession(async (req, res) => {
  // @ts-expect-error perhaps nobody
  const id = req.session.user.id;
  type _site = Holds<Equal<typeof req.sessionSite, string | null>>;
  await req.sessionEvents.login({ user: { id: '7' }, tenant_id: 'acme' }, { ttl: 60, remember: true });
  // @ts-expect-error an identity has a user
  await req.sessionEvents.login({});
  return res.status(201).json({});
});

// As people write it: without annotations, without `return`.
export const api: NextApiHandler = withApiSession((req, res) => {
  if (!req.session) return res.status(401).end();
  res.status(200).json({ user: req.session.user.id, page: req.query.page });
});

export const required: NextApiHandler = withApiSession(async (req, res) => {
  await req.sessionEvents.logout({ scope: 'all' });
  res.json(req.session.user.id);
}, { required: true });

// The other router's handler is refused, in one short sentence: void is no Response.
// @ts-expect-error
export const mistaken = withServerSession((req, res) => void res.status(200).json({}));

export const getServerSideProps = async ({ req }: { req: import('http').IncomingMessage }) => ({
  props: { user: (await ofRequest(req))?.user.id ?? null },
});

const options: BackendOptions = {
  authenticate: async ({ email, extra, client }) =>
    email === 'a@x' && extra.otp === '1' ? { user: { id: '7', email } } : { refused: 'locked', retryAfter: 30, account: client.ip },
};
export const backend: (request: Request) => Promise<Response> = sidgateBackend(options);

export const wrong: BackendOptions = {
  // @ts-expect-error a lock has an end
  authenticate: async () => ({ refused: 'locked' }),
};
