/** The fresh app as programs see it, through the gateway. */
import assert from 'node:assert/strict';

/** Somebody with a cookie, and no browser. */
class Client {
  cookie = '';

  constructor(origin) {
    this.origin = origin;
  }

  async ask(path, { headers = {}, ...init } = {}) {
    // Node's fetch says that it is like a browser's, and not from where.
    const sent = { cookie: this.cookie, 'sec-fetch-site': 'same-origin', ...headers };
    const answer = await fetch(this.origin + path, { redirect: 'manual', headers: sent, ...init });
    for (const line of answer.headers.getSetCookie()) if (line.startsWith('sid=')) this.cookie = line.split(';')[0];
    return answer;
  }

  post(path, body) {
    return this.ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  }

  logIn(email, extra) {
    return this.post('/api/auth/session-v2', { email, password: 'password', ...extra });
  }

  async text(path) {
    return (await this.ask(path)).text();
  }

  /** Whom the gateway knows. */
  async user() {
    return (await (await this.ask('/api/auth/session-v2')).json()).user?.id ?? null;
  }
}

/** The text of an element. */
const shown = (page, id) => page.match(new RegExp(`id="${id}"[^>]*>([^<]*)<`))?.[1];

async function logins(origin) {
  const ada = new Client(origin);
  assert.equal((await ada.logIn('ada@example.com')).status, 201);
  assert.equal(await ada.user(), 'ada');
  const me = await ada.ask('/api/me');
  assert.deepEqual(await me.json(), {
    user: { id: 'ada', email: 'ada@example.com', tenantId: 'acme' },
    attributes: { role: 'member' },
  });
  const refused = async (...login) => {
    const answer = await new Client(origin).logIn(...login);
    return [answer.status, (await answer.json()).code];
  };
  assert.deepEqual(await refused('carl@example.com'), [401, 'invalid_credentials']);
  assert.deepEqual(await refused('bob@example.com'), [401, 'mfa_required']);
  assert.equal((await new Client(origin).logIn('bob@example.com', { otp: '123456' })).status, 201);
  const old = new Client(origin);
  old.cookie = 'old_login=dora';
  assert.equal(await old.user(), 'dora');
  // Nobody but the gateway finds the backend, by whatever name.
  for (const path of ['/__sidgate__/authenticate', '/%5F_sidgate__/authenticate']) {
    assert.ok((await ada.post(path, { email: 'ada@example.com', password: 'password' })).status >= 400, path);
  }
  return ada;
}

async function events(origin) {
  const client = new Client(origin);
  const entered = await client.post('/api/enter', { user: 'emil', ttl: 60 });
  assert.equal(entered.status, 303);
  assert.equal(entered.headers.get('x-session-event'), null, 'the event is for the gateway alone');
  assert.match(entered.headers.get('set-cookie'), /Max-Age=(60|59)\b/);
  assert.equal(await client.user(), 'emil');
  const passing = await client.post('/api/enter', { user: 'emil', remember: false });
  assert.doesNotMatch(passing.headers.get('set-cookie'), /Max-Age|Expires/, 'until the browser is closed');
  assert.equal((await client.post('/api/leave', {})).status, 303);
  assert.equal(await client.user(), null);
  await client.ask('/api/pages?enter=fritz');
  assert.equal(await client.user(), 'fritz');
}

async function caching(origin, ada, components) {
  for (const path of ['/api/me', '/api/pages', '/ssr', '/']) {
    const caching = (await ada.ask(path)).headers.get('cache-control');
    assert.match(caching, /private/, path);
    assert.match(caching, /no-store/, path);
  }
  const carl = new Client(origin);
  await carl.post('/api/enter', { user: 'carl' });
  const nobody = new Client(origin);
  // An answer for one is no "not modified" for the other.
  const { headers } = await ada.ask('/ssr');
  for (const [who, name] of [[carl, 'carl'], [nobody, 'nobody']]) {
    const answer = await who.ask('/ssr', { headers: { 'if-none-match': headers.get('etag') } });
    assert.equal(answer.status, 200);
    assert.equal(shown(await answer.text(), 'ssr'), `ssr:${name}`);
  }
  const visitors = [ada, carl, nobody];
  await remembered(visitors, '/cached', 'by-user');
  await remembered(visitors, '/cached', 'by-cookie');
  if (components) await remembered(visitors, '/remembered', 'by-argument');
}

/** What the server itself keeps: asked several times by each, in turn. */
async function remembered(visitors, path, id) {
  const values = visitors.map(() => []);
  for (let round = 0; round < 4; round++) {
    for (const [index, who] of visitors.entries()) values[index].push(shown(await who.text(path), id));
  }
  for (const [index, name] of ['ada', 'carl', 'nobody'].entries()) {
    const own = values[index].filter((value) => value.split(' ')[1] === name);
    assert.equal(own.length, 4, `${id} of ${name}: ${values[index]}`);
    // Next.js keeps a value a moment after it has answered with it.
    assert.ok(new Set(own).size < 4, `${id} of ${name}: never from the cache`);
  }
}

async function guards(ada) {
  assert.equal(shown(await ada.text('/account'), 'who'), 'account of ada');
  const nobody = new Client(ada.origin);
  const people = await nobody.ask('/account?page=2', { headers: { accept: 'text/html' } });
  assert.equal(people.status, 303);
  assert.equal(new URL(people.headers.get('location'), ada.origin).href, `${ada.origin}/?next=%2Faccount%3Fpage%3D2`);
  assert.equal((await nobody.ask('/account')).status, 401);
  // The gateway puts the public origin in the place of the app's own.
  const moved = await nobody.ask('/moved');
  assert.equal(new URL(moved.headers.get('location'), ada.origin).href, `${ada.origin}/account`);
}

/** `components`: the app has Cache Components. */
export async function ask(origin, { components }) {
  const ada = await logins(origin);
  await events(origin);
  await caching(origin, ada, components);
  await guards(ada);
  assert.equal(shown(await ada.text('/'), 'server'), 'server:ada');
  assert.equal(shown(await ada.text('/'), 'client'), 'client:ada');
}
