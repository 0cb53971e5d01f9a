/** Django and Next.js behind Sidgate, in a real browser. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { card, goBack, launch, PASSWORD, Person, picture, USER } from './browser.js';
import { startDemo } from './demo.js';

let demo;
let browser;

before(async () => {
  demo = await startDemo();
  browser = await launch();
}, { timeout: 180_000 });

after(async () => {
  await browser?.close();
  await demo?.stop();
}, { timeout: 60_000 });

const arrive = (options) => Person.arrive(browser, demo.origin, options);

/** Tells the gateway something, as the Django app. */
async function event(page, ...events) {
  const answer = await page.request.post('/demo/event', { data: { events } });
  assert.equal(answer.status(), 200, await answer.text());
}

test('a login is seen in server and client components, and by Django', async () => {
  const person = await arrive();
  const page = await person.open('/');
  await page.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  await card(page, 'In the browser').getByText('Please login').waitFor();
  await picture(page, 'home-nobody');
  await page.getByRole('link', { name: 'Log in here' }).click();
  await page.getByLabel('Email').fill(USER);
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Email or password is wrong.').waitFor();
  await picture(page, 'signin-wrong');
  await page.getByLabel('Email').fill(USER);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();

  await page.getByRole('heading', { name: `Hello, ${USER}` }).waitFor();
  await card(page, 'On the server').getByText(USER).waitFor();
  await card(page, 'In the browser').getByText(`Welcome ${USER}!`).waitFor();
  await card(page, 'In the browser').getByText(/^Cache hit rate/).waitFor();
  await page.getByRole('banner').getByText(USER).waitFor();
  await picture(page, 'home-logged-in');
  const django = await (await page.request.get('/whoami')).json();
  assert.equal(django.user.email, USER);
  // The wrong password was answered with 401, which Chromium reports.
  await person.leave({ expected: [/401 .*session-v2/] });
});

test('Django’s own login form ends in the same session', async () => {
  const person = await arrive();
  const page = await person.open('/devices');
  assert.equal(new URL(page.url()).pathname, '/login', 'a required page sends to the login page');
  await page.locator('[name=username]').fill(USER);
  await page.locator('[name=password]').fill(PASSWORD);
  await page.locator('[name=password]').press('Enter');
  await page.getByRole('heading', { name: 'Where you are logged in' }).waitFor();
  await page.getByText('this browser').waitFor();
  await person.leave();
});

test('there is one cookie, and no script sees it', async () => {
  const person = await arrive();
  const page = await person.logIn();
  assert.deepEqual(await person.cookies(), ['sid']);
  const [sid] = await person.context.cookies();
  assert.equal(sid.value.length, 36);
  assert.ok(sid.httpOnly);
  assert.equal(await page.evaluate(() => document.cookie), '');
  await person.leave();
});

test('the page of headers shows what is verified, and not the cookie', async () => {
  const person = await arrive({
    extraHTTPHeaders: { 'X-Session-User-Id': 'mallory', 'X-Session-State': 'active', 'X-Session-Assertion': 'forged' },
  });
  const nobody = await person.open('/headers');
  await nobody.getByText('verified: anonymous').waitFor();
  assert.ok(!(await nobody.content()).includes('mallory'));
  const page = await person.logIn(USER, '/headers');
  await page.getByText('verified: active').waitFor();
  await card(page, 'Cookies').getByText('None. The session cookie stays at the gateway.').waitFor();
  const [sid] = await person.context.cookies();
  assert.ok(!(await page.content()).includes(sid.value));
  await picture(page, 'headers');
  await person.leave();
});

test('API routes of both routers know the session', async () => {
  const person = await arrive();
  const page = await person.open('/');
  const ask = async (path) => {
    const answer = await page.request.get(path);
    return [answer.status(), await answer.json(), answer.headers()['cache-control']];
  };
  for (const path of ['/api/tenant', '/api/tenant-pages']) {
    assert.deepEqual((await ask(path)).slice(0, 2), [401, { error: 'Unauthorized' }], path);
  }
  assert.equal((await ask('/api/me'))[1].code, 'unauthenticated');
  await person.logIn();
  await event(page, { type: 'update', identity: { tenant_id: 'acme' } });
  for (const path of ['/api/tenant', '/api/tenant-pages']) {
    assert.deepEqual((await ask(path)).slice(0, 2), [200, { tenantId: 'acme' }], path);
  }
  const [status, me, caching] = await ask('/api/me');
  assert.equal(status, 200);
  assert.equal(me.user.email, USER);
  assert.match(caching, /private/);
  await person.leave();
});

test('the onboarding flag reaches open pages, and goes away', async () => {
  const person = await arrive();
  const page = await person.logIn();
  const done = { needs_onboarding: false, attributes: { needs_onboarding: false } };
  await event(page, { type: 'update', identity: done });
  const banner = page.getByRole('complementary', { name: 'Onboarding' });
  await banner.waitFor({ state: 'detached' });
  // Nothing is reloaded: the gateway pushes it.
  await event(page, { type: 'update', identity: { needs_onboarding: true } });
  await banner.waitFor();
  await picture(page, 'onboarding-banner');
  // Servers are told by the attribute: the page comes with the banner, or without it.
  const served = async () => (await (await page.request.get('/')).text()).includes('Your account is not set up yet');
  assert.equal(await served(), false);
  await event(page, { type: 'update', identity: { attributes: { needs_onboarding: true } } });
  assert.equal(await served(), true);
  await banner.getByRole('link').click();
  // Django's own page; a second tab stays where it is, and hears of it.
  const second = await person.open('/');
  await second.getByRole('complementary', { name: 'Onboarding' }).waitFor();
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  await banner.waitFor({ state: 'detached' });
  await second.getByRole('complementary', { name: 'Onboarding' }).waitFor({ state: 'detached' });
  assert.equal(await served(), false);
  await person.leave();
});

test('a device that is ended elsewhere logs out by itself', async () => {
  const [laptop, phone] = [await arrive(), await arrive({ viewport: { width: 390, height: 844 } })];
  const onPhone = await phone.logIn('admin@example.com');
  const onLaptop = await laptop.logIn('admin@example.com', '/devices');
  const ends = onLaptop.getByRole('button', { name: /^End Chrom/ });
  await ends.first().waitFor();
  assert.equal(await ends.count(), 1);
  await picture(onLaptop, 'devices');
  const began = Date.now();
  await ends.click();
  await onPhone.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  console.log(`# the other page flipped ${Date.now() - began} ms after the click`);
  await picture(onPhone, 'phone-logged-out');
  await ends.waitFor({ state: 'detached' });
  assert.equal((await (await onLaptop.request.get('/api/auth/sessions')).json()).sessions.length, 1);
  await laptop.leave();
  await phone.leave();
});

test('ending all others leaves this one', async () => {
  const people = [await arrive(), await arrive(), await arrive()];
  const [here, ...there] = await Promise.all(people.map((person) => person.logIn('admin@example.com')));
  await here.goto('/devices');
  await here.getByRole('button', { name: 'End all others' }).click();
  for (const page of there) await page.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  await here.getByRole('button', { name: /^End Chrom/ }).first().waitFor({ state: 'detached' });
  await here.goto('/');
  await here.getByRole('heading', { name: /Hello/ }).waitFor();
  for (const person of people) await person.leave();
});

test('tabs follow each other’s login and logout', async () => {
  const person = await arrive();
  const second = await person.open('/');
  await second.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  const first = await person.logIn();
  await second.getByRole('heading', { name: `Hello, ${USER}` }).waitFor();
  await first.getByRole('button', { name: 'Log out' }).click();
  await first.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  await second.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  assert.deepEqual(await person.cookies(), []);
  await person.leave();
});

test('the back button after a logout shows nothing private', async () => {
  const person = await arrive();
  const page = await person.logIn();
  const { session } = await (await page.request.get('/api/auth/session-v2')).json();
  const handle = session.id;
  assert.ok((await page.content()).includes(handle));
  await page.goto('/headers');
  await page.getByText('verified: active').waitFor();
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('heading', { name: `Hello, ${USER}` }).waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  for (const path of ['/headers', '/', '/signin']) {
    await goBack(page, new URL(path, demo.origin).href);
    // Whatever a page restores or asks for is there by now.
    await page.waitForLoadState('networkidle');
    assert.ok(!(await page.content()).includes(handle), `private on ${path}`);
    assert.equal(await page.getByRole('button', { name: 'Log out' }).count(), 0);
  }
  await person.leave();
});

test('a login elsewhere in the site is one login: Django’s admin knows it', async () => {
  const person = await arrive();
  const page = await person.logIn('admin@example.com', '/admin/');
  await page.getByText('Site administration').waitFor();
  await person.leave();
});

test('good to look at in the dark and on a phone', async () => {
  const person = await arrive({ colorScheme: 'dark', viewport: { width: 390, height: 844 } });
  const page = await person.logIn();
  await picture(page, 'phone-dark-home');
  await page.goto('/devices');
  await page.getByText('this browser').waitFor();
  await picture(page, 'phone-dark-devices');
  for (const path of ['/', '/devices', '/headers', '/signin']) {
    await page.goto(path);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${path} is ${overflow} px too wide`);
  }
  await person.leave();
});

test('servers had nothing to complain about', async () => {
  assert.doesNotMatch(await demo.log('next'), /error|warn|did not come through/i);
  const lines = (await demo.log('sidgate')).trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines.filter(({ status }) => status >= 500), []);
});
