/** The eighteen cookies of the earlier system become one, in a real browser. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, PASSWORD, Person, picture, USER } from './browser.js';
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

const OTHERS = ['csrftoken', 'messages'];
const jar = async (person) => (await person.cookies()).filter((name) => !OTHERS.includes(name));

/** Somebody who has logged in before Sidgate was there: the old cookies are in the jar, and nothing else. */
async function veteran() {
  const person = await Person.arrive(browser, demo.origin);
  const page = await person.open('/old');
  const token = await page.locator('[name=csrfmiddlewaretoken]').first().inputValue();
  await page.close();
  // Not by the form: the page that its answer leads to would migrate already.
  const answer = await person.context.request.post('/old/login', {
    form: { username: USER, password: PASSWORD, csrfmiddlewaretoken: token },
    headers: { origin: demo.origin },
    maxRedirects: 0,
  });
  assert.equal(answer.status(), 302);
  // Django keeps a message there, for the page that we do not look at.
  await person.context.clearCookies({ name: 'sessionid' });
  assert.equal((await jar(person)).length, 18, String(await jar(person)));
  return person;
}

test('logged in the old way, one is in the new way a page later', async () => {
  const person = await Person.arrive(browser, demo.origin);
  const page = await person.open('/old');
  await page.locator('[name=username]').fill(USER);
  await page.locator('[name=password]').fill(PASSWORD);
  await page.locator('[name=password]').press('Enter');
  await page.getByText('The old system gave you 18 cookies').waitFor();
  await picture(page, 'old-login');
  assert.deepEqual(await jar(person), ['sid']);
  await person.leave();
});

test('the next page anybody opens knows them, and the jar ends with one cookie', async () => {
  const person = await veteran();
  const page = await person.open('/');
  await page.getByRole('heading', { name: `Hello, ${USER}` }).waitFor();
  assert.deepEqual(await jar(person), ['sid']);
  assert.ok(!(await page.evaluate(() => document.cookie)).includes('dott'));
  await picture(page, 'migrated');
  await person.leave();
});

test('the manual migration of the earlier system’s description', async () => {
  const person = await veteran();
  const page = await person.context.newPage();
  // A page that asks for no session, so that nothing has migrated when the code runs.
  await page.goto('/healthz');
  assert.equal((await jar(person)).length, 18, String(await jar(person)));
  const reloaded = page.waitForEvent('load');
  await page.evaluate(() => {
    fetch('/api/auth/migrate-session', { 
      method: 'POST',
      credentials: 'include' 
    }).then(() => location.reload());
  });
  await reloaded;
  assert.deepEqual(await jar(person), ['sid']);
  const session = await (await page.request.get('/api/auth/session-v2')).json();
  assert.equal(session.user.email, USER);
  await person.leave();
});

test('ten requests at once make one session', async () => {
  const person = await veteran();
  const page = await person.context.newPage();
  await page.goto('/healthz');
  const seen = await page.evaluate(async () => {
    const ask = () => fetch('/api/auth/session-v2').then((answer) => answer.json());
    const answers = await Promise.all(Array.from({ length: 10 }, ask));
    return [...new Set(answers.map(({ session }) => session.id))];
  });
  assert.equal(seen.length, 1);
  await person.leave();
});

test('a cookie that nobody knows is cleared, and the visitor is nobody', async () => {
  const person = await Person.arrive(browser, demo.origin);
  await person.context.addCookies([{ name: 'dott_auth_session', value: 'old_encrypted_data', url: demo.origin }]);
  const page = await person.open('/');
  await page.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  assert.deepEqual(await person.cookies(), []);
  await person.leave();
});
