import type { Metadata } from 'next';
import { getServerSession } from '@sidgate/session/next';
import { Onboarding } from '@/components/Onboarding';

export const metadata: Metadata = { title: 'Welcome' };

export default async function WelcomePage() {
  const session = await getServerSession();
  return (
    <section className="card narrow">
      <h1>Welcome</h1>
      <p className="quiet">
        {session?.user.email}, one step is left. Django keeps the flag; this page asks it to change, and every open page of
        yours hears of it.
      </p>
      <Onboarding />
    </section>
  );
}
