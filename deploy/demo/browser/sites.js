/**
 * Several sites in front of the Django app of the demo. Their hosts are names below `localhost`, which Chromium takes to this
 * machine. No two of them are one site to cookies, and all of them are secure contexts without TLS.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SIDGATE } from '../../../clients/js/test/versions/gateway.js';
import { call, freePort, Server } from '../../../clients/js/test/versions/tools.js';
import { ROOT } from './demo.js';

const DJANGO = join(ROOT, 'deploy/demo/django');
const PYTHON = join(resolve(process.env.DEMO_VENV ?? join(ROOT, '.venv')), 'bin/python');

/** The name of the session cookie at every site. */
export const SID = '__Host-sid';

/** Starts the app and a gateway with what `sites` writes for the port of both. `stop()` ends them again. */
export async function startSites(sites) {
  const folder = await mkdtemp(join(tmpdir(), 'sidgate-sites-'));
  const started = [];
  const stop = async () => {
    for (const server of started.reverse()) await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [port, admin, app] = [await freePort(), await freePort(), await freePort()];
    const config = join(folder, 'sidgate.toml');
    await writeFile(config, configuration({ port, admin, app }) + sites(port));
    await call(SIDGATE, ['keys', 'generate', '--out', join(folder, 'master.key')]);
    const { stdout: key } = await call(SIDGATE, ['keys', 'upstream', 'django', '--config', config]);
    started.push(await startDjango(folder, app, key.trim()));
    const ready = `http://127.0.0.1:${admin}/readyz`;
    started.push(await Server.start(SIDGATE, ['run', '--config', config], { cwd: folder, ready }));
    return { at: (host, path = '/') => `http://${host}:${port}${path}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startDjango(folder, port, key) {
  const env = {
    ...process.env,
    SIDGATE_UPSTREAM_KEY: key,
    DEMO_DB: join(folder, 'django.db'),
    DEMO_HOSTS: '.localhost',
    DJANGO_SETTINGS_MODULE: 'demo.settings',
  };
  await call(PYTHON, ['manage.py', 'demo_setup'], { cwd: DJANGO, env });
  const command = ['-m', 'gunicorn', 'demo.wsgi', '--bind', `127.0.0.1:${port}`, '--threads', '4', '--no-control-socket'];
  return Server.start(PYTHON, command, { cwd: DJANGO, env, ready: `http://127.0.0.1:${port}/healthz` });
}

const configuration = ({ port, admin, app }) => `
[server]
listen = ["127.0.0.1:${port}"]
admin_listen = "127.0.0.1:${admin}"

[cookie]
name = "${SID}"

[backend]
upstream = "django"

[endpoints]
password_login = false

[upstreams.django]
servers = ["127.0.0.1:${app}"]

[[routes]]
path = "/"
upstream = "django"
session = "optional"

[[routes]]
path = "/private"
upstream = "django"
session = "required"

[[routes]]
path = "/static/"
upstream = "django"
session = "none"
`;

/** Fills in the login form of the Django app, which the page shows, and sends it. */
export async function sendLogin(page, email, password) {
  await page.locator('[name=username]').fill(email);
  await page.locator('[name=password]').fill(password);
  await page.locator('[name=password]').press('Enter');
}

/** The page that only `email` gets to see. */
export const privateTo = (page, email) => page.getByRole('heading', { name: `For ${email} only` }).waitFor();

/** What the gateway says of the session, asked by a script of the page. */
export const session = (page) => page.evaluate(async () => (await fetch('/api/auth/session-v2')).json());

/** The sids that a browser keeps, by their hosts. */
export async function sids(person) {
  const cookies = await person.context.cookies();
  return Object.fromEntries(cookies.filter(({ name }) => name === SID).map(({ domain, value }) => [domain, value]));
}
