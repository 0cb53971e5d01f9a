import { getServerSession } from '@sidgate/session/next';

export async function getServerSideProps({ req }) {
  return { props: { user: (await getServerSession(req))?.user.id ?? 'nobody' } };
}

export default function Page({ user }) {
  return <p>{`ssr:${user}`}</p>;
}
