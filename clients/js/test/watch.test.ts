import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createSessionManager, type SessionManager } from '../src/index.js';
import { gateway, json, later, NOBODY, problem, view } from './support.js';

/** jsdom has no EventSource: this one does what a test tells it. */
class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static open: FakeEventSource[] = [];
  readyState = 0;
  onopen?: () => void;
  onerror?: () => void;

  constructor(readonly url: string) {
    super();
    FakeEventSource.open.push(this);
  }

  say(type: string): void {
    this.dispatchEvent(new Event(type));
  }

  fail(closed: boolean): void {
    this.readyState = closed ? FakeEventSource.CLOSED : 0;
    if (closed) this.close();
    this.onerror?.();
  }

  close(): void {
    FakeEventSource.open = FakeEventSource.open.filter((one) => one !== this);
  }
}

const streams = () => FakeEventSource.open;
let visibility: DocumentVisibilityState = 'visible';
let answer: () => Response;
let fetch: ReturnType<typeof gateway>;
let manager: SessionManager;
let leave: () => void;

/** Lets everything happen that waits for no timer. */
const settle = () => vi.advanceTimersByTimeAsync(0);

async function start(options = {}): Promise<void> {
  manager = createSessionManager({ fetch, channel: false, ...options });
  leave = manager.subscribe(() => undefined);
  await settle();
}

function look(state: DocumentVisibilityState): void {
  visibility = state;
  document.dispatchEvent(new Event('visibilitychange'));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', FakeEventSource);
  vi.spyOn(document, 'visibilityState', 'get').mockImplementation(() => visibility);
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  FakeEventSource.open = [];
  visibility = 'visible';
  answer = () => json(view());
  fetch = gateway({ 'GET /session-v2': () => answer() });
});

afterEach(() => {
  leave();
  expect(streams()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('asking again', () => {
  test('on focus, but not all the time', async () => {
    await start();
    window.dispatchEvent(new Event('focus'));
    look('visible');
    await settle();
    expect(fetch).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(6_000);
    look('hidden');
    expect(fetch).toHaveBeenCalledTimes(1);
    window.dispatchEvent(new Event('focus'));
    look('visible');
    window.dispatchEvent(new Event('focus'));
    await settle();
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  test('not on focus when told so', async () => {
    await start({ refetchOnFocus: false });
    await vi.advanceTimersByTimeAsync(6_000);
    window.dispatchEvent(new Event('focus'));
    await settle();
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  test('when the network is back', async () => {
    await start();
    window.dispatchEvent(new Event('online'));
    await settle();
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  test('when the network is gone, so that the page can say so', async () => {
    await start();
    answer = () => {
      throw new TypeError('Failed to fetch');
    };
    window.dispatchEvent(new Event('offline'));
    await settle();
    expect(manager.getSnapshot()).toMatchObject({ status: 'authenticated', error: { code: 'network_error' } });
    answer = () => json(view());
    window.dispatchEvent(new Event('online'));
    await settle();
    expect(manager.getSnapshot()).toMatchObject({ status: 'authenticated', error: null });
  });

  test('seldom at an address that is not the gateway’s', async () => {
    answer = () => new Response('<!doctype html>', { status: 404 });
    await start();
    expect(manager.getSnapshot()).toMatchObject({ status: 'loading', error: { code: 'bypassed' } });
    await vi.advanceTimersByTimeAsync(29_999);
    expect(fetch).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  test('when the session should have ended', async () => {
    const session = { ...view().session, expiresAt: new Date(Date.now() + 60_000).toISOString() };
    answer = () => json(view('7', { session }));
    await start();
    answer = () => json(NOBODY);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(manager.getSnapshot().status).toBe('authenticated');
    await vi.advanceTimersByTimeAsync(3_000);
    expect(manager.getSnapshot().status).toBe('unauthenticated');
  });

  test('less and less often while nobody knows, and not before it was asked to', async () => {
    answer = () => problem(503, 'unavailable');
    await start();
    for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      fetch.mockClear();
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(fetch).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(fetch).toHaveBeenCalledTimes(1);
    }
    answer = () => problem(503, 'unavailable', { 'retry-after': '45' });
    await vi.advanceTimersByTimeAsync(30_000);
    fetch.mockClear();
    answer = () => json(view());
    await vi.advanceTimersByTimeAsync(44_999);
    expect(fetch).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(manager.getSnapshot()).toMatchObject({ status: 'authenticated', error: null });
  });

  test('a page shown again as it was knows nothing until it has asked', async () => {
    await start();
    answer = () => json(NOBODY);
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    expect(manager.getSnapshot()).toMatchObject({ status: 'loading', data: null });
    await settle();
    expect(manager.getSnapshot().status).toBe('unauthenticated');
  });
});

describe('the stream', () => {
  test('is there while somebody is logged in and the page is seen', async () => {
    answer = () => json(NOBODY);
    await start();
    expect(streams()).toEqual([]);
    answer = () => json(view());
    await manager.getSession({ force: true });
    expect(streams().map(({ url }) => url)).toEqual(['/api/auth/events']);
    await manager.getSession({ force: true });
    look('hidden');
    expect(streams()).toEqual([]);
    look('visible');
    expect(streams()).toHaveLength(1);
    window.dispatchEvent(new Event('pagehide'));
    expect(streams()).toEqual([]);
  });

  test('is not there when told so', async () => {
    await start({ push: false });
    expect(streams()).toEqual([]);
  });

  test('a revoked session is asked about at once', async () => {
    await start();
    answer = () => json(NOBODY);
    streams()[0]!.say('revoked');
    await settle();
    expect(manager.getSnapshot().status).toBe('unauthenticated');
    expect(streams()).toEqual([]);
  });

  test('revoked counts even if nobody can be asked', async () => {
    await start();
    answer = () => problem(503, 'unavailable');
    streams()[0]!.say('revoked');
    await settle();
    expect(manager.getSnapshot()).toMatchObject({ data: null, status: 'unauthenticated', error: null });
  });

  test('the end of an earlier session does not end the present one', async () => {
    await start();
    const earlier = streams()[0]!;
    answer = () => json(view('8'));
    await manager.getSession({ force: true });
    expect(streams()).not.toContain(earlier);
    earlier.say('revoked');
    await settle();
    expect(manager.getSnapshot().data?.user.id).toBe('8');
  });

  test.each(['updated', 'expiring'])('%s asks', async (event) => {
    await start();
    answer = () => json(view('7', { needsOnboarding: true }));
    streams()[0]!.say(event);
    await settle();
    expect(manager.getSnapshot().data?.needsOnboarding).toBe(true);
  });

  test('an answer asked for before the news does not count', async () => {
    await start();
    const slow = later<Response>();
    fetch.mockImplementationOnce(() => slow.promise);
    window.dispatchEvent(new Event('online'));
    answer = () => json(view('7', { needsOnboarding: true }));
    streams()[0]!.say('updated');
    await settle();
    slow.resolve(json(view()));
    await settle();
    expect(manager.getSnapshot().data?.needsOnboarding).toBe(true);
  });

  test('after an interruption it asks what it has missed', async () => {
    await start();
    streams()[0]!.onopen!();
    await settle();
    expect(fetch).toHaveBeenCalledTimes(1);
    streams()[0]!.fail(false);
    streams()[0]!.onopen!();
    await settle();
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  test('broken, it says that the gateway may be away', async () => {
    await start();
    answer = () => problem(503, 'unavailable');
    streams()[0]!.fail(false);
    streams()[0]!.fail(false);
    await vi.advanceTimersByTimeAsync(999);
    expect(fetch).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(fetch).toHaveBeenCalledTimes(2);
    expect(manager.getSnapshot()).toMatchObject({ status: 'authenticated', error: { code: 'unavailable' } });
    answer = () => json(view());
    streams()[0]!.onopen!();
    await settle();
    expect(manager.getSnapshot().error).toBeNull();
  });

  test('refused for good, it is tried again later, and less often', async () => {
    await start();
    for (const wait of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      streams()[0]!.fail(true);
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(streams()).toHaveLength(0);
      await vi.advanceTimersByTimeAsync(1);
      expect(streams()).toHaveLength(1);
    }
    streams()[0]!.fail(true);
    look('hidden');
    await vi.advanceTimersByTimeAsync(120_000);
    expect(streams()).toHaveLength(0);
  });
});
