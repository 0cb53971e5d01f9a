import type { Metadata } from 'next';
import { cookies, headers } from 'next/headers';
import { getSessionState } from '@sidgate/session/next';
import { Facts } from '@/components/Facts';

export const metadata: Metadata = { title: 'Headers' };

const SHOWN = /^(x-session-|x-forwarded-|x-request-id$|host$)/;

/** What this app was told about the request. Values of cookies are secrets, so only their names. */
export default async function HeadersPage() {
  const [received, jar, state] = [await headers(), await cookies(), await getSessionState()];
  const shown = [...received].filter(([name]) => SHOWN.test(name) && name !== 'x-session-assertion').sort();
  const assertion = received.get('x-session-assertion');
  return (
    <>
      <h1>What this app receives</h1>
      <p className="quiet">
        Sidgate takes away whatever a browser sends under these names and writes them itself. Apps believe the assertion,
        because it is signed for them alone.
      </p>
      <section className="card wide">
        <h2>Headers</h2>
        <Facts facts={Object.fromEntries(shown)} />
      </section>
      <section className="card">
        <h2>
          X-Session-Assertion <span className="tag">verified: {state}</span>
        </h2>
        <pre>{assertion ? JSON.stringify(claims(assertion), null, 2) : 'none'}</pre>
      </section>
      <section className="card">
        <h2>Cookies</h2>
        <p>{jar.getAll().map(({ name }) => name).join(', ') || 'None. The session cookie stays at the gateway.'}</p>
      </section>
    </>
  );
}

/** For reading only: `getSessionState` has done the verifying. What concerns the apps alone is left out. */
function claims(assertion: string): object {
  const payload = assertion.split('.')[1] ?? '';
  const { ah: _fingerprint, ref: _reference, ...shown } = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return shown;
}
