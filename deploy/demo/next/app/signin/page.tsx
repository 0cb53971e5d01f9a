import type { Metadata } from 'next';
import { SignIn } from '@/components/SignIn';

export const metadata: Metadata = { title: 'Log in' };

export default async function SignInPage({ searchParams }: { searchParams: Promise<{ next?: string | string[] }> }) {
  return <SignIn next={ownPath((await searchParams).next)} />;
}

/** A path of this site, or the front page: a link must not send people elsewhere. */
function ownPath(next: string | string[] | undefined): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/';
}
