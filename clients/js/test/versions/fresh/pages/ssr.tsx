import { getServerSession } from '@sidgate/session/pages';
import type { GetServerSideProps } from 'next';

export const getServerSideProps: GetServerSideProps<{ user: string }> = async ({ req }) => {
  return { props: { user: (await getServerSession(req))?.user.id ?? 'nobody' } };
};

export default function Page({ user }: { user: string }) {
  return <p id="ssr">{`ssr:${user}`}</p>;
}
