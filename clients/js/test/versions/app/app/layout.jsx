import { SessionProvider } from '@sidgate/session/react';
import { getServerSession } from '@sidgate/session/next';

export default async function Layout({ children }) {
  const session = await getServerSession();
  return (
    <html>
      <body>
        <SessionProvider session={session}>{children}</SessionProvider>
      </body>
    </html>
  );
}
