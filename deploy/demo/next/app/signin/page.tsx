import type { Metadata } from 'next';
import { SignIn } from '@/components/SignIn';
import { ownPath } from '@/utils/ownPath';

export const metadata: Metadata = { title: 'Log in' };

export default async function SignInPage({ searchParams }: { searchParams: Promise<{ next?: string | string[] }> }) {
  return <SignIn next={ownPath((await searchParams).next)} />;
}
