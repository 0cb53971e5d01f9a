/** News for the other tabs of this browser. It carries no data: a tab that hears it asks Sidgate itself. */
export type TabNews = 'login' | 'logout' | 'refresh';

export interface Tabs {
  tell(news: TabNews): void;
}

const VERSION = 1;

/** Joins the channel `name`; where there is none (old browsers, servers), focus is how tabs catch up. */
export function joinTabs(name: string | false, hear: (news: TabNews) => void): Tabs {
  if (name === false || typeof window === 'undefined' || typeof BroadcastChannel === 'undefined') {
    return { tell: () => undefined };
  }
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }: MessageEvent) => {
    if (data?.v === VERSION && ['login', 'logout', 'refresh'].includes(data.type)) hear(data.type);
  };
  return { tell: (type) => channel.postMessage({ v: VERSION, type }) };
}
