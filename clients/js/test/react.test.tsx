import { act, cleanup, render, renderHook, screen } from '@testing-library/react';
import { StrictMode } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, expect, test, vi } from 'vitest';
import { createSessionManager, type SessionManager } from '../src/index.js';
import { SessionProvider, useSession } from '../src/react.js';
import { empty, gateway, json, later, NOBODY, problem, view } from './support.js';

afterEach(cleanup);

const manage = (answers: Parameters<typeof gateway>[0]) => {
  const fetch = gateway(answers);
  return [createSessionManager({ fetch, channel: false }), fetch] as const;
};

// The component of the description of the system that Sidgate replaces, as it stands there.
function MyComponent() {
  const { 
    user, 
    isAuthenticated, 
    loading,
    needsOnboarding,
    tenantId 
  } = useSession();
  
  if (loading) return <div>Loading...</div>;
  if (!isAuthenticated) return <div>Please login</div>;
  
  return <div title={`${tenantId} ${needsOnboarding}`}>Welcome {user.email}!</div>;
}

function hook(manager: SessionManager) {
  return renderHook(() => useSession(), {
    wrapper: ({ children }) => <SessionProvider manager={manager}>{children}</SessionProvider>,
  }).result;
}

test('loading, then who it is, with one request for many hooks', async () => {
  const [manager, fetch] = manage({ 'GET /session-v2': () => json(view()) });
  render(
    <StrictMode>
      <SessionProvider manager={manager}>
        <MyComponent />
        <MyComponent />
      </SessionProvider>
    </StrictMode>,
  );
  expect(screen.getAllByText('Loading...')).toHaveLength(2);
  const shown = await screen.findAllByText('Welcome 7@example.com!');
  expect(shown.map(({ title }) => title)).toEqual(['acme false', 'acme false']);
  expect(fetch).toHaveBeenCalledTimes(1);
});

test('nobody is told to log in, and a login or logout is seen at once', async () => {
  const [manager] = manage({
    'GET /session-v2': () => json(NOBODY),
    'POST /session-v2': () => json(view(), 201),
    'DELETE /session-v2': () => empty(),
  });
  render(<SessionProvider manager={manager}><MyComponent /></SessionProvider>);
  await screen.findByText('Please login');
  await act(() => manager.createSession('a@x', 'password'));
  screen.getByText('Welcome 7@example.com!');
  await act(() => manager.logout());
  screen.getByText('Please login');
});

test('works without a provider', async () => {
  vi.stubGlobal('fetch', gateway({ 'GET /session-v2': () => json(view()) }));
  render(<MyComponent />);
  await screen.findByText('Welcome 7@example.com!');
  vi.unstubAllGlobals();
});

test('the members of next-auth and of Sidgate', async () => {
  let session = view();
  const [manager, fetch] = manage({ 'GET /session-v2': () => json(session) });
  const result = hook(manager);
  expect(result.current).toMatchObject({ status: 'loading', data: null, user: null, tenantId: null, loading: true, error: null });
  await vi.waitFor(() => expect(result.current.status).toBe('authenticated'));
  expect(result.current).toMatchObject({ data: session, user: session.user, tenantId: 'acme', isAuthenticated: true });
  session = view('7', { needsOnboarding: true });
  await act(() => result.current.update());
  expect(result.current.needsOnboarding).toBe(true);
  await act(() => result.current.refetch());
  expect(fetch).toHaveBeenCalledTimes(3);
});

test('the same news do not render anew', async () => {
  const [manager] = manage({ 'GET /session-v2': () => json(view()) });
  const result = hook(manager);
  await vi.waitFor(() => expect(result.current.status).toBe('authenticated'));
  const before = result.current;
  await act(() => manager.getSession({ force: true }));
  expect(result.current).toBe(before);
});

test('an error keeps what was known', async () => {
  let broken = false;
  const [manager] = manage({ 'GET /session-v2': () => (broken ? problem(503, 'unavailable') : json(view())) });
  const result = hook(manager);
  await vi.waitFor(() => expect(result.current.status).toBe('authenticated'));
  broken = true;
  expect(await act(() => result.current.refetch())).toEqual(view());
  expect(result.current).toMatchObject({ isAuthenticated: true, error: { code: 'unavailable' } });
});

test('what the server knew holds until there is an answer, and not after the page was put away', async () => {
  let answer: () => Response = () => problem(503, 'unavailable');
  const [manager] = manage({ 'GET /session-v2': () => answer() });
  const { result } = renderHook(() => useSession(), {
    wrapper: ({ children }) => <SessionProvider manager={manager} session={view()}>{children}</SessionProvider>,
  });
  expect(result.current).toMatchObject({ status: 'authenticated', error: null });
  await vi.waitFor(() => expect(result.current.error).toMatchObject({ code: 'unavailable' }));
  expect(result.current).toMatchObject({ status: 'authenticated', user: { id: '7' } });
  answer = () => json(NOBODY);
  act(() => void window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true })));
  expect(result.current).toMatchObject({ status: 'loading', user: null });
  await vi.waitFor(() => expect(result.current.status).toBe('unauthenticated'));
});

test('servers render loading, or what the app has passed on', () => {
  expect(renderToString(<MyComponent />)).toContain('Loading...');
  const page = (session: ReturnType<typeof view> | null) =>
    renderToString(<SessionProvider session={session}><MyComponent /></SessionProvider>);
  expect(page(view())).toContain('7@example.com');
  expect(page(null)).toContain('Please login');
});

test.each([
  ['nothing', undefined, 'Loading...'],
  ['a session', view(), 'Welcome 7@example.com!'],
  ['nobody', null, 'Please login'],
])('hydrates what the server rendered with %s, without a mismatch or a flicker', async (_, session, expected) => {
  const slow = later<Response>();
  const [manager] = manage({ 'GET /session-v2': () => slow.promise });
  const app = (
    <SessionProvider manager={manager} {...(session === undefined ? {} : { session })}>
      <MyComponent />
    </SessionProvider>
  );
  const page = document.createElement('div');
  document.body.append(page);
  page.innerHTML = renderToString(app);
  const faults: unknown[] = [];
  const seen: string[] = [];
  new MutationObserver(() => seen.push(page.textContent!)).observe(page, { subtree: true, childList: true, characterData: true });
  const root = await act(() => hydrateRoot(page, app, { onRecoverableError: (fault) => faults.push(fault) }));
  expect(page.textContent).toBe(expected);
  expect(seen).toEqual([]);
  await act(async () => slow.resolve(json(view())));
  expect(page.textContent).toBe('Welcome 7@example.com!');
  expect(faults).toEqual([]);
  act(() => root.unmount());
  page.remove();
});
