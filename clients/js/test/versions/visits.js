/** The fresh app as people see it, in a real browser, through the gateway. */
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

/** A development server compiles before it answers. */
const PATIENCE = 60_000;

export async function inBrowser(origin, use) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
  try {
    const context = await browser.newContext({ baseURL: origin });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    const said = [];
    page.on('console', (message) => /error|warning/.test(message.type()) && said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    await use(page, said);
  } finally {
    await browser.close();
  }
}

const see = (page, id, text) => page.locator(`#${id}`, { hasText: new RegExp(`^${text}$`) }).waitFor();

async function logIn(page) {
  const data = { email: 'ada@example.com', password: 'password' };
  assert.equal((await page.request.post('/api/auth/session-v2', { data, timeout: PATIENCE })).status(), 201);
}

async function actions(page) {
  await page.goto('/actions');
  await see(page, 'who', 'nobody');
  await page.getByLabel('user').fill('gerda');
  await page.getByRole('button', { name: 'enter' }).click();
  await see(page, 'who', 'gerda of nowhere');
  assert.equal(new URL(page.url()).pathname, '/actions');
  await page.getByLabel('tenant').fill('acme');
  await page.getByRole('button', { name: 'move' }).click();
  await see(page, 'who', 'gerda of acme');
  const names = (await page.context().cookies()).map(({ name }) => name);
  assert.deepEqual(names, ['sid'], 'what was sealed for the way is gone');
  await page.getByRole('button', { name: 'leave' }).click();
  await see(page, 'who', 'nobody');
  assert.deepEqual(await page.context().cookies(), []);
}

/** A built app. */
export async function visit(gateway) {
  await inBrowser(gateway.origin, async (page, said) => {
    await actions(page);
    await page.goto('/');
    await see(page, 'client', 'client:nobody');
    await logIn(page);
    await page.reload();
    await see(page, 'server', 'server:ada');
    await see(page, 'client', 'client:ada');
    assert.deepEqual(said, [], 'the console');
    await gateway.stop();
    await see(page, 'error', 'error:network_error');
    await see(page, 'client', 'client:ada');
    await gateway.start();
    await see(page, 'error', 'error:none');
    await see(page, 'client', 'client:ada');
  });
}

/** The same under `next dev`, and at the address that is not the gateway's. */
export async function visitInDevelopment(gateway, wrong) {
  await inBrowser(gateway.origin, async (page, said) => {
    // What is asked for first is compiled first, on a busy machine for longer than a page is waited for.
    await page.request.get('/', { timeout: 120_000 });
    await logIn(page);
    await page.goto('/');
    await see(page, 'server', 'server:ada');
    await see(page, 'client', 'client:ada');
    assert.equal(await page.getByRole('alert').filter({ hasText: 'Sidgate' }).count(), 0);
    assert.deepEqual(said, [], 'the console');
  });
  await inBrowser(wrong, async (page) => {
    await page.goto('/');
    await page.getByRole('alert').filter({ hasText: 'sidgate dev --upstream' }).waitFor();
    await see(page, 'error', 'error:bypassed');
  });
}
