/** What Sidgate pushes to the browser of a session. */
export interface PushHandlers {
  /** The stream broke: the gateway is away, or restarts. */
  interrupted(): void;
  /** The session has ended. */
  revoked(): void;
  /** Something about it has changed, or news may have been missed. */
  changed(): void;
}

const RETRY_MIN_MS = 5_000;
const RETRY_MAX_MS = 60_000;

/**
 * Listens to `url` until the returned function is called.
 *
 * The browser reconnects by itself after a broken connection, but gives up for good after an answer that is not a stream
 * (503 while the gateway restarts, 404 from an older one): then we come back later, less and less often.
 */
export function listen(url: string, handlers: PushHandlers): () => void {
  if (typeof EventSource === 'undefined') return () => undefined;
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = RETRY_MIN_MS;
  let interrupted = false;

  function open(): void {
    source = new EventSource(url);
    source.onopen = () => {
      wait = RETRY_MIN_MS;
      if (interrupted) handlers.changed();
      interrupted = false;
    };
    source.onerror = () => {
      if (!interrupted) handlers.interrupted();
      interrupted = true;
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, RETRY_MAX_MS);
    };
    source.addEventListener('revoked', () => handlers.revoked());
    source.addEventListener('updated', () => handlers.changed());
    source.addEventListener('expiring', () => handlers.changed());
  }

  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
