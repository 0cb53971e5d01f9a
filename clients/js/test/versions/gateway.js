/** The real gateway before an app of a test. */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { call, freePort, ROOT, Server } from './tools.js';

export const SIDGATE =
  process.env.SIDGATE_BIN ?? resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/sidgate');

/** A gateway with files in `folder`, before the app at `port`, which is its backend; `start` may be called again after a stop. */
export class Gateway {
  static async prepare(folder, port, more = '') {
    const [own, admin] = [await freePort(), await freePort()];
    const gateway = new Gateway();
    gateway.origin = `http://localhost:${own}`;
    gateway.config = join(folder, 'sidgate.toml');
    gateway.ready = `http://127.0.0.1:${admin}/readyz`;
    gateway.folder = folder;
    await writeFile(gateway.config, configuration(own, admin, port) + more);
    await call(SIDGATE, ['keys', 'generate', '--out', join(folder, 'master.key')]);
    const { stdout } = await call(SIDGATE, ['keys', 'upstream', 'next', '--config', gateway.config]);
    gateway.appKey = stdout.trim();
    return gateway;
  }

  async start() {
    const { config, folder, ready } = this;
    this.server = await Server.start(SIDGATE, ['run', '--config', config], { cwd: folder, ready });
  }

  stop(signal) {
    return this.server?.stop(signal);
  }
}

const configuration = (own, admin, app) => `
[server]
listen = ["127.0.0.1:${own}"]
admin_listen = "127.0.0.1:${admin}"
public_origin = "http://localhost:${own}"

[backend]
upstream = "next"
# A development server compiles a route when it is first asked for.
timeout = "30s"

[endpoints]
password_login = true

[migration]
mode = "on"
credentials = ["old_login"]

[upstreams.next]
servers = ["127.0.0.1:${app}"]
cookie_marker = "sidgate"

[[routes]]
path = "/"
upstream = "next"
session = "optional"
`;
