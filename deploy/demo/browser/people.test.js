/** People on one machine, and a gateway that is away: a Next.js app alone behind the gateway, in a real browser. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startNextAlone } from './alone-next.js';
import { card, launch, Person } from './browser.js';

const [ADA, BOB] = ['test@example.com', 'admin@example.com'];
/** What the browser itself says of requests that fail. */
const AWAY = [/ERR_INTERNET_DISCONNECTED/, /ERR_CONNECTION_REFUSED/, /ERR_INCOMPLETE_CHUNKED_ENCODING/, /ERR_EMPTY_RESPONSE/];

let alone;
let browser;

before(async () => {
  alone = await startNextAlone();
  browser = await launch();
}, { timeout: 120_000 });

after(async () => {
  await browser?.close();
  await alone?.stop();
}, { timeout: 60_000 });

const arrive = () => Person.arrive(browser, alone.origin);
const error = (page, text) => card(page, 'In the browser').getByText(text);
const logOut = async (page) => {
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
};

test('an app without Django judges passwords itself', async () => {
  const person = await arrive();
  const page = await person.open('/signin');
  await page.getByLabel('Email').fill(ADA);
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Email or password is wrong.').waitFor();
  await person.logIn(ADA);
  assert.deepEqual(await person.cookies(), ['sid']);
  const me = await (await page.request.get('/api/me')).json();
  assert.equal(me.user.email, ADA);
  await person.leave({ expected: [/401 .*session-v2/] });
});

test('two people on one machine: nothing of the first is shown to the second', async () => {
  const machine = await arrive();
  const page = await machine.logIn(ADA);
  const { session } = await (await page.request.get('/api/auth/session-v2')).json();
  // The router and the browser have these pages in memory, with Ada's name on them.
  await page.getByRole('link', { name: 'Headers' }).click();
  await page.getByText('verified: active').waitFor();
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('heading', { name: `Hello, ${ADA}` }).waitFor();
  const validators = await page.request.get('/');
  await logOut(page);

  await page.goto('/signin');
  await page.getByLabel('Email').fill(BOB);
  await page.getByLabel('Password').fill('password');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: `Hello, ${BOB}` }).waitFor();
  const clean = async (where) => {
    await page.waitForLoadState('networkidle');
    assert.ok(!(await page.content()).includes(session.id), `the session of the first, ${where}`);
    assert.equal(await page.getByText(`Hello, ${ADA}`).count(), 0, where);
    await page.getByRole('banner').getByText(BOB).waitFor();
  };
  await clean('after the login');
  await page.getByRole('link', { name: 'Headers' }).click();
  await page.getByText('verified: active').waitFor();
  await clean('on a page that the router knew');
  for (let back = 0; back < 5; back++) {
    await page.goBack({ waitUntil: 'load' });
    await clean(`${back + 1} steps back`);
  }
  // Nor does a validator of the first person's page say that it is the second's.
  const etag = validators.headers()['etag'] ?? '"none"';
  const again = await page.request.get('/', { headers: { 'if-none-match': etag } });
  assert.equal(again.status(), 200);
  assert.ok((await again.text()).includes(BOB));
  await machine.leave();
});

test('a new login in one tab is seen in the other, and never as the old person', async () => {
  const person = await arrive();
  const first = await person.logIn(ADA);
  const second = await person.open('/');
  await second.getByRole('heading', { name: `Hello, ${ADA}` }).waitFor();
  await logOut(first);
  await second.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  await first.goto('/signin');
  await first.getByLabel('Email').fill(BOB);
  await first.getByLabel('Password').fill('password');
  await first.getByRole('button', { name: 'Log in' }).click();
  await second.getByRole('heading', { name: `Hello, ${BOB}` }).waitFor();
  assert.ok(!(await second.content()).includes(ADA));
  await person.leave();
});

test('offline: the page says so, keeps what it knew, and recovers', async () => {
  const person = await arrive();
  const page = await person.logIn(ADA);
  await person.context.setOffline(true);
  await error(page, 'Sidgate did not answer').waitFor();
  await page.getByRole('banner').getByText(ADA).waitFor();
  await person.context.setOffline(false);
  await error(page, 'Sidgate did not answer').waitFor({ state: 'detached' });
  await page.getByRole('banner').getByText(ADA).waitFor();
  await person.leave({ expected: AWAY });
});

test('the gateway is away: the page says so, keeps what it knew, and recovers', async () => {
  const person = await arrive();
  const page = await person.logIn(ADA);
  await alone.gateway.stop('SIGKILL');
  const began = Date.now();
  await error(page, 'Sidgate did not answer').waitFor();
  console.log(`# said so after ${Date.now() - began} ms`);
  await page.getByRole('banner').getByText(ADA).waitFor();
  await alone.gateway.start();
  await error(page, 'Sidgate did not answer').waitFor({ state: 'detached' });
  await page.getByRole('banner').getByText(ADA).waitFor();
  await person.leave({ expected: AWAY });
});

test('the app had nothing to complain about', () => {
  assert.doesNotMatch(alone.app.said, /error|warn|did not come through/i);
});
