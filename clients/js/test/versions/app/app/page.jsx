import { getServerSession } from '@sidgate/session/next';
import { Client } from './client';

export default async function Page() {
  const session = await getServerSession();
  return (
    <>
      <p id="server">server:{session ? session.user.id : 'nobody'}</p>
      <Client />
    </>
  );
}
