/** The Next.js app of the demo alone behind the gateway: it judges the passwords itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Gateway } from '../../../clients/js/test/versions/gateway.js';
import { freePort, NEXT_QUIET, Server } from '../../../clients/js/test/versions/tools.js';
import { ROOT } from './demo.js';

const SERVER = join(ROOT, 'deploy/demo/next/.next/standalone/deploy/demo/next/server.js');

export async function startNextAlone() {
  const folder = await mkdtemp(join(tmpdir(), 'sidgate-next-alone-'));
  const port = await freePort();
  const gateway = await Gateway.prepare(folder, port);
  const env = { ...NEXT_QUIET, NODE_ENV: 'production', HOSTNAME: '127.0.0.1', PORT: `${port}`, SIDGATE_KEY: gateway.appKey };
  const app = await Server.start(process.execPath, [SERVER], { cwd: dirname(SERVER), env, ready: /ready/i });
  await gateway.start();

  async function stop() {
    await gateway.stop();
    await app.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return { gateway, app, origin: gateway.origin, stop };
}
