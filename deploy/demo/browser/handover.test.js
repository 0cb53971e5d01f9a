/** Two products on domains of their own, and one login for both at a third: in a real browser. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { goBack, launch, PASSWORD, Person, picture, USER } from './browser.js';
import { privateTo, sendLogin, session, sids, startSites } from './sites.js';

const [ACCOUNTS, SHOP, BLOG] = ['accounts.localhost', 'shop.localhost', 'blog.localhost'];

const HOUSE = (port) => `
[[sites]]
name = "accounts"
origin = "http://${ACCOUNTS}:${port}"
group = "house"

[[sites]]
name = "shop"
origin = "http://${SHOP}:${port}"
login_url = "http://${ACCOUNTS}:${port}/login"
group = "house"

[[sites]]
name = "blog"
origin = "http://${BLOG}:${port}"
login_url = "http://${ACCOUNTS}:${port}/login"
group = "house"
`;

let house;
let browser;

before(async () => {
  house = await startSites(HOUSE);
  browser = await launch();
}, { timeout: 120_000 });

after(async () => {
  await browser?.close();
  await house?.stop();
}, { timeout: 60_000 });

const arrive = () => Person.arrive(browser, house.at(SHOP));

/** The page is the login page of the site where people log in. */
const isLoginPage = (page) => assert.equal(page.url().split('?')[0], house.at(ACCOUNTS, '/login'));

/** A new tab at a private page of the shop, after a login. */
async function logIn(person, path = '/private') {
  const page = await person.open(house.at(SHOP, path));
  isLoginPage(page);
  await sendLogin(page, USER, PASSWORD);
  await privateTo(page, USER);
  return page;
}

async function logOut(page) {
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
}

/** Collects the addresses of codes that a page comes by. */
function codesOf(page) {
  const codes = [];
  page.on('request', (request) => request.url().includes('/handover?code=') && codes.push(request.url()));
  return codes;
}

test('a login at accounts leads to the page of the shop that was wanted, and the blog needs none', async () => {
  const person = await arrive();
  const page = await logIn(person, '/private?from=shop#cart');
  assert.equal(page.url(), house.at(SHOP, '/private?from=shop#cart'));
  await picture(page, 'handover-shop');

  await page.goto(house.at(BLOG, '/private'));
  await privateTo(page, USER);
  assert.equal(page.url(), house.at(BLOG, '/private'));

  const kept = await sids(person);
  assert.deepEqual(Object.keys(kept).sort(), [ACCOUNTS, BLOG, SHOP]);
  assert.equal(new Set(Object.values(kept)).size, 1, 'one session, with a cookie for each domain');
  assert.equal(await page.evaluate(() => document.cookie), '');
  await person.leave();
});

test('a link of a page that anybody may see begins it', async () => {
  const person = await arrive();
  await logIn(person);
  const page = await person.open(house.at(BLOG));
  await page.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  await page.goto(house.at(BLOG, '/api/auth/handover?next=/%3Fpage=2'));
  await page.getByRole('heading', { name: 'Hello' }).waitFor();
  assert.equal(page.url(), house.at(BLOG, '/?page=2'));
  await person.leave();
});

test('a script is told 401, and is sent nowhere', async () => {
  const person = await arrive();
  await logIn(person);
  const page = await person.open(house.at(BLOG));
  assert.equal(await page.evaluate(async () => (await fetch('/private')).status), 401);
  assert.equal((await sids(person))[BLOG], undefined);
  await person.leave({ expected: [/401 .*\/private/] });
});

test('a logout at one site is one at all, from the next request on', async () => {
  const person = await arrive();
  const shop = await logIn(person);
  const accounts = await person.open(house.at(ACCOUNTS));
  await accounts.getByRole('heading', { name: 'Hello' }).waitFor();
  const blog = await person.open(house.at(BLOG, '/private'));
  await blog.goto(house.at(BLOG));
  const began = Date.now();
  await logOut(blog);
  await shop.reload();
  isLoginPage(shop);
  await accounts.reload();
  await accounts.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  console.log(`# both of the others had said so ${Date.now() - began} ms after the click`);
  await person.leave();
});

test('the back button after a handover shows the page, and logs nobody in or out', async () => {
  const person = await arrive();
  await logIn(person);
  const page = await person.open(house.at(BLOG));
  await page.getByRole('link', { name: 'Private' }).click();
  await privateTo(page, USER);
  const kept = await sids(person);

  await goBack(page, house.at(BLOG));
  await page.getByRole('heading', { level: 1 }).waitFor();
  assert.equal((await session(page)).authenticated, true);
  await page.goForward({ waitUntil: 'load' });
  await privateTo(page, USER);
  assert.equal(page.url(), house.at(BLOG, '/private'));
  assert.deepEqual(await sids(person), kept);

  await page.goto(house.at(BLOG));
  await logOut(page);
  const left = await sids(person);
  for (let back = 0; back < 3; back++) {
    await page.goBack({ waitUntil: 'load' });
    assert.equal((await session(page)).authenticated, false, `${back + 1} steps back`);
  }
  assert.deepEqual(await sids(person), left);
  await person.leave();
});

test('the address of a code logs nobody in: neither its owner again, nor anybody else', async () => {
  const person = await arrive();
  const page = await person.open(house.at(SHOP, '/private'));
  const codes = codesOf(page);
  await sendLogin(page, USER, PASSWORD);
  await privateTo(page, USER);
  assert.equal(codes.length, 1);

  const stranger = await arrive();
  const theirs = await stranger.open(house.at(SHOP));
  const refused = await theirs.goto(codes[0]);
  assert.equal(refused.status(), 403);
  assert.deepEqual(await sids(stranger), {});
  await stranger.leave({ expected: [/403 .*\/handover/] });

  await page.goto(house.at(SHOP));
  await logOut(page);
  await page.goto(codes[0]);
  isLoginPage(page);
  assert.equal((await session(page)).authenticated, false);
  await person.leave();
});
