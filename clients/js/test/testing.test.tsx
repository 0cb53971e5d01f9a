import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import { SessionError } from '../src/index.js';
import { getServerSession, getSessionSite, getSessionState, withServerSession } from '../src/next.js';
import { SessionProvider, useSession } from '../src/react.js';
import { createTestManager, sentEvents, sessionHeaders } from '../src/testing.js';

afterEach(cleanup);

const ADA = {
  user: { id: '7', email: 'ada@example.com', name: 'Ada' },
  tenantId: 'acme',
  attributes: { role: 'admin' },
  needsOnboarding: true,
};

test('headers of somebody, and of nobody', async () => {
  const session = await getServerSession(new Headers(await sessionHeaders(ADA)));
  expect(session).toMatchObject({
    user: { id: '7', email: 'ada@example.com', tenantId: 'acme' },
    attributes: { role: 'admin' },
    needsOnboarding: true,
  });
  expect(await getSessionState(new Headers(await sessionHeaders(null)))).toBe('anonymous');
  expect(await getServerSession({ headers: await sessionHeaders({ user: { id: '8' } }) })).toMatchObject({ tenantId: null });
});

test('headers of a request at a site', async () => {
  for (const who of [ADA, null]) {
    expect(await getSessionSite({ headers: await sessionHeaders(who, { site: 'shop' }) })).toBe('shop');
    expect(await getSessionSite({ headers: await sessionHeaders(who) })).toBeNull();
  }
});

test('what a handler asks the gateway for', async () => {
  const handler = withServerSession(async (req) => {
    await req.sessionEvents.logout({ scope: 'all' });
    return new Response();
  });
  const answer = await handler(new Request('http://localhost/', { headers: await sessionHeaders(ADA) }) as any, {});
  expect(await sentEvents(answer)).toEqual([{ type: 'logout', scope: 'all' }]);
});

function Name() {
  const { status, user } = useSession();
  return <p>{status === 'authenticated' ? `${user.name} of ${user.tenantId}` : status}</p>;
}

test('components of somebody, of nobody, and who log in and out', async () => {
  const manager = createTestManager({ session: ADA });
  render(<SessionProvider manager={manager}><Name /><button onClick={() => manager.logout()}>Out</button></SessionProvider>);
  await screen.findByText('Ada of acme');
  fireEvent.click(screen.getByText('Out'));
  await screen.findByText('unauthenticated');
  await manager.createSession('bob@example.com', 'any');
  expect(await manager.getSession({ force: true })).toMatchObject({ user: { id: 'bob@example.com' } });
});

test('logins that are refused', async () => {
  const manager = createTestManager({ login: (_email, password) => (password === 'right' ? ADA : 'invalid_credentials') });
  const refused = await manager.createSession('a@x', 'wrong').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(SessionError);
  expect(refused).toMatchObject({ code: 'invalid_credentials', status: 401 });
  expect(await manager.createSession('a@x', 'right')).toMatchObject({ user: { id: '7' } });
});
