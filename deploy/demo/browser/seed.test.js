/** What the description of the earlier system tells people to type, typed as it stands there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { launch, Person, USER } from './browser.js';
import { startDemo } from './demo.js';

const run = promisify(execFile);
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

const CLEAR_COOKIES = `
// Clear all cookies and force migration
document.cookie.split(";").forEach(c => {
  const name = c.trim().split("=")[0];
  if (name) {
    document.cookie = name + "=;expires=Thu, 01 Jan 1970 00:00:00 GMT;path=/;domain=.dottapps.com";
    document.cookie = name + "=;expires=Thu, 01 Jan 1970 00:00:00 GMT;path=/";
  }
});
location.reload();
`;

test('the snippet that clears all cookies leaves the session alone', async () => {
  const person = await Person.arrive(browser, demo.origin);
  const page = await person.logIn();
  await page.evaluate('document.cookie = "onboardingStep=2; path=/"');
  await Promise.all([page.waitForEvent('load'), page.evaluate(CLEAR_COOKIES)]);
  await page.getByRole('heading', { name: `Hello, ${USER}` }).waitFor();
  assert.deepEqual(await person.cookies(), ['sid']);
  await person.leave();
});

const LOGIN_FLOW = `
# Clear everything
curl -X DELETE http://localhost:3000/api/auth/session-v2

# Login
curl -X POST http://localhost:3000/api/auth/session-v2 \\
  -H "Content-Type: application/json" \\
  -d '{"email":"test@example.com","password":"password"}'

# Check session
curl http://localhost:3000/api/auth/session-v2
`;

test('the curl lines of the login flow', async () => {
  // The port is the test's own. Each answer on a line.
  const script = LOGIN_FLOW.replaceAll('http://localhost:3000', demo.origin).replaceAll('curl ', 'curl -sS -w "\\n" ');
  const { stdout } = await run('bash', ['-euc', script], { env: { ...process.env, no_proxy: '*' } });
  const [cleared, login, check] = stdout.split('\n');
  assert.equal(cleared, '');
  assert.equal(JSON.parse(login).user.email, USER);
  // Without a jar curl keeps no cookie, so nobody asks.
  assert.deepEqual(JSON.parse(check), { authenticated: false, user: null });
});
