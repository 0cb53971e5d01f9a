/** Chromium, and people who use it. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const USER = 'test@example.com';
export const PASSWORD = 'password';
const SHOTS = fileURLToPath(new URL('../../../.artefacts/browser/', import.meta.url));

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Somebody with a browser of their own: one jar of cookies, any number of tabs. */
export class Person {
  static async arrive(browser, origin, options = {}) {
    const context = await browser.newContext({ baseURL: origin, locale: 'en-GB', ...options });
    return new Person(context);
  }

  constructor(context) {
    this.context = context;
    /** What pages complained about. */
    this.faults = [];
  }

  /** A new tab at `path`. */
  async open(path = '/') {
    const page = await this.context.newPage();
    page.on('console', (said) => said.type() === 'error' && this.faults.push(`${said.text()} (${said.location().url})`));
    page.on('pageerror', (error) => this.faults.push(String(error)));
    await page.goto(path);
    return page;
  }

  /** A new tab, logged in by the form of the Next.js app. */
  async logIn(email = USER, path = '/') {
    const page = await this.open('/signin');
    await page.getByLabel('Email').fill(email);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: `Hello, ${email}` }).waitFor();
    if (path !== '/') await page.goto(path);
    return page;
  }

  async cookies() {
    return (await this.context.cookies()).map(({ name }) => name).sort();
  }

  /** Ends the visit, and says whether a page had a reason to complain. */
  async leave({ expected = [] } = {}) {
    await this.context.close();
    const unexpected = this.faults.filter((fault) => !expected.some((pattern) => pattern.test(fault)));
    assert.deepEqual(unexpected, [], 'errors on the console');
  }
}

/**
 * One step back, to `url`. The browser's own word is not enough: a step counts as done at the next change of the history, and a
 * router that just starts on the page before makes one.
 */
export async function goBack(page, url) {
  await page.goBack({ waitUntil: 'commit' });
  await page.waitForURL(url);
}

/** Keeps a picture for people to look at. */
export async function picture(page, name) {
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}${name}.png`, fullPage: true });
}

/** A card of the page, by its heading. */
export const card = (page, heading) =>
  page.locator('section.card').filter({ has: page.getByRole('heading', { name: heading }) });
