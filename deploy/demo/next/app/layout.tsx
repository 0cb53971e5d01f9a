import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import { getServerSession } from '@sidgate/session/next';
import { SessionProvider } from '@sidgate/session/react';
import { Header } from '@/components/Header';
import { OnboardingBanner } from '@/components/OnboardingBanner';
import { SessionSync } from '@/components/SessionSync';
import './globals.css';

export const metadata: Metadata = { title: { default: 'Sidgate demo', template: '%s · Sidgate demo' } };

export default async function RootLayout({ children }: { children: ReactNode }) {
  const session = await getServerSession();
  return (
    <html lang="en">
      <body>
        {/* Handing on what the server knows saves the browser the first "loading". */}
        <SessionProvider session={session}>
          <SessionSync />
          <Header />
          <OnboardingBanner />
          <main>{children}</main>
        </SessionProvider>
        <footer>
          Next.js and Django behind Sidgate, with one cookie of 36 characters. <a href="/whoami">What Django sees</a>
        </footer>
      </body>
    </html>
  );
}
