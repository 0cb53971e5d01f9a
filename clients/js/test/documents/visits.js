/** What somebody sees who has followed the documents. */
import assert from 'node:assert/strict';
import { inBrowser } from '../versions/visits.js';

async function logIn(page) {
  await page.goto('/login');
  await page.getByLabel('Email').fill('ada@example.com');
  await page.getByLabel('Password').fill('lovelace');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Hello, ada@example.com' }).waitFor();
  await page.getByText('Welcome ada@example.com!').waitFor();
}

/** The end of the first ten minutes. */
export function firstLogin(origin) {
  return inBrowser(origin, async (page, said) => {
    await page.goto('/');
    await page.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
    await page.getByRole('link', { name: 'Log in' }).click();
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    await logIn(page);
    assert.deepEqual(said, [], 'the console');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Nobody is logged in' }).waitFor();
  });
}

/** The pages and routes of both documents. */
export function lookAround(origin) {
  return inBrowser(origin, async (page, said) => {
    await page.goto('/account');
    assert.equal(new URL(page.url()).pathname, '/login', 'a required page sends to the login page');
    await logIn(page);
    await page.goto('/account');
    await page.getByText('The account of 7').waitFor();
    await page.goto('/orders');
    await page.getByText('the order of 7').waitFor();
    const json = async (path) => (await page.request.get(path)).json();
    assert.deepEqual(await json('/api/tenant'), { tenantId: null, role: 'member' });
    assert.deepEqual(await json('/api/who'), { id: '7' });
    assert.deepEqual(said, [], 'the console');
    await page.request.delete('/api/auth/session-v2');
    const magic = await page.request.post('/api/magic', { data: { code: 'from the mail' }, maxRedirects: 0 });
    assert.equal(magic.status(), 303);
    assert.deepEqual(await json('/api/who'), { id: '7' });
  });
}
