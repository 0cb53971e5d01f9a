/** The session in the browser, for any framework. React: `@sidgate/session/react`. Servers: `@sidgate/session/next`. */
import { createSessionManager, type SessionManager } from './browser/manager.js';

export { createSessionManager, type SessionManager, type SessionManagerOptions } from './browser/manager.js';
export type { Snapshot } from './browser/store.js';
export { SessionError } from './error.js';
export type * from './types.js';

/** The one that hooks use unless a `<SessionProvider>` names another. */
export const sessionManager: SessionManager = /* @__PURE__ */ createSessionManager();

/** The same, under the name that earlier code knows. */
export const sessionManagerEnhanced: SessionManager = sessionManager;

export default sessionManager;
