/** Customers of one app, each at a subdomain of their own: in a real browser. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, PASSWORD, Person, picture, USER } from './browser.js';
import { privateTo, SID, sendLogin, session, sids, startSites } from './sites.js';

/** Whom the demo's accounts belong to: USER is of `acme`, this one of `sidgate`. */
const OTHER_USER = 'admin@example.com';
const [ACME, BETA, OTHER] = ['acme.localhost', 'beta.localhost', 'sidgate.localhost'];

const TENANTS = (port) => `
[[sites]]
name = "app"
origin = "http://localhost:${port}"
hosts = ["localhost", "*.localhost"]
tenant_from = "label"
`;

let app;
let browser;

before(async () => {
  app = await startSites(TENANTS);
  browser = await launch();
}, { timeout: 120_000 });

after(async () => {
  await browser?.close();
  await app?.stop();
}, { timeout: 60_000 });

const arrive = () => Person.arrive(browser, app.at(ACME));

/** The page is the login page of that very host. */
const isLoginPage = (page, host) => assert.equal(page.url().split('?')[0], app.at(host, '/login'));

/** A new tab at a private page of a host, after a login there. */
async function logIn(person, host, email) {
  const page = await person.open(app.at(host, '/private'));
  isLoginPage(page, host);
  await sendLogin(page, email, PASSWORD);
  await privateTo(page, email);
  return page;
}

test('a login at one tenant is none at another', async () => {
  const person = await arrive();
  const page = await logIn(person, ACME, USER);
  assert.equal(page.url(), app.at(ACME, '/private'));
  const told = await page.evaluate(async () => (await fetch('/whoami')).json());
  assert.equal(told.headers['X-Session-Tenant-Id'], 'acme');
  assert.equal(told.headers['X-Session-Assertion'].site, 'app');

  for (const host of [BETA, 'localhost']) {
    await page.goto(app.at(host, '/private'));
    isLoginPage(page, host);
    assert.equal((await session(page)).authenticated, false, host);
  }
  await picture(page, 'tenants-login');
  await page.goto(app.at(ACME, '/private'));
  await privateTo(page, USER);
  await person.leave();
});

test('nor is its sid, if a script puts it there', async () => {
  const person = await arrive();
  const page = await logIn(person, ACME, USER);
  const { [ACME]: sid } = await sids(person);
  await page.goto(app.at(BETA));
  await page.evaluate((planted) => (document.cookie = planted), `${SID}=${sid}; Path=/; Secure`);
  assert.equal((await sids(person))[BETA], sid);
  await page.goto(app.at(BETA, '/private'));
  isLoginPage(page, BETA);
  await page.goto(app.at(ACME, '/private'));
  await privateTo(page, USER);
  await person.leave();
});

test('an account of another tenant cannot log in', async () => {
  const person = await arrive();
  const page = await person.open(app.at(BETA, '/private'));
  await sendLogin(page, USER, PASSWORD);
  await page.getByText('The account belongs to another tenant than this host').waitFor();
  assert.deepEqual(await sids(person), {});
  await person.leave({ expected: [/403 .*\/login/] });
});

test('one browser is logged in at two tenants as two people', async () => {
  const person = await arrive();
  const acme = await logIn(person, ACME, USER);
  await logIn(person, OTHER, OTHER_USER);
  await acme.reload();
  await privateTo(acme, USER);
  const kept = await sids(person);
  assert.deepEqual(Object.keys(kept).sort(), [ACME, OTHER]);
  assert.notEqual(kept[ACME], kept[OTHER]);
  await person.leave();
});
