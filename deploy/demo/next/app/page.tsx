import { getServerSession } from '@sidgate/session/next';
import Link from 'next/link';
import { BrowserView } from '@/components/BrowserView';
import { Facts } from '@/components/Facts';
import { MyComponent } from '@/components/MyComponent';

export default async function Home() {
  const session = await getServerSession();
  return (
    <>
      <section className="hero">
        {session ? (
          <>
            <h1>Hello, {session.user.email ?? session.user.id}</h1>
            <p>Sidgate checked your session before this page was asked for.</p>
          </>
        ) : (
          <>
            <h1>Nobody is logged in</h1>
            <p>These two apps have no login session of their own. Sidgate, in front of them, keeps one.</p>
            <p className="actions">
              <Link className="button" href="/signin">
                Log in here
              </Link>
              <a className="button plain" href="/login">
                Log in with Django’s form
              </a>
              <a className="button plain" href="/old">
                Log in the old way
              </a>
            </p>
          </>
        )}
      </section>
      <div className="columns">
        <section className="card" aria-labelledby="server">
          <h2 id="server">On the server</h2>
          <p className="source">
            <code>await getServerSession()</code>
          </p>
          <Facts
            facts={{
              State: session ? 'logged in' : 'nobody',
              User: session?.user.id,
              Email: session?.user.email,
              Tenant: session?.tenantId,
              Session: session?.session.id,
              'Logged in at': session?.authTime,
            }}
          />
        </section>
        <section className="card" aria-labelledby="browser">
          <h2 id="browser">In the browser</h2>
          <p className="source">
            <code>useSession()</code>
          </p>
          <BrowserView />
          <div className="said">
            <MyComponent />
          </div>
        </section>
      </div>
    </>
  );
}
