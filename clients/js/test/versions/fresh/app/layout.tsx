import { getServerSession } from '@sidgate/session/next';
import { SessionProvider } from '@sidgate/session/react';
import { type ReactNode, Suspense } from 'react';
import './globals.css';

async function Session({ children }: { children: ReactNode }) {
  return <SessionProvider session={await getServerSession()}>{children}</SessionProvider>;
}

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <Suspense>
          <Session>{children}</Session>
        </Suspense>
      </body>
    </html>
  );
}
