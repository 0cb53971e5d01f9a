import type { SessionError } from '../error.js';

const ID = 'sidgate-notice';

/** Bundlers write the value here; without one there is no `process` in a browser. */
function inDevelopment(): boolean {
  try {
    return process.env.NODE_ENV === 'development';
  } catch {
    return false;
  }
}

/**
 * A page that a developer has opened at the app's own address works in everything but the session: it says so, where it is seen.
 * In production nothing is shown.
 */
export function warnDeveloper({ code }: SessionError): void {
  if (code !== 'bypassed' || !inDevelopment() || document.getElementById(ID) !== null) return;
  const text =
    `Sidgate: this page was not opened at the address of the gateway, so nobody is ever logged in here. ` +
    `Start a gateway with "sidgate dev --upstream ${location.port || '3000'}" and open the address that it prints.`;
  console.warn(text);
  const notice = document.createElement('div');
  notice.id = ID;
  notice.setAttribute('role', 'alert');
  notice.textContent = text;
  notice.style.cssText =
    'position:fixed;inset:auto 0 0;z-index:2147483647;padding:12px 16px;background:#7a1f1f;color:#fff;font:14px/1.4 system-ui';
  document.body.append(notice);
}
