/**
 * Looks at the site in Chromium, at the width of a desk and of a phone, light and dark.
 *
 *     make docs && node deploy/site/look.mjs              every page: nothing is wider than the window, no script fails
 *     make docs && node deploy/site/look.mjs docs/images  takes the pictures site-*.png of some of them
 *
 * Needs what `scripts/bootstrap test` installs.
 */
import { readdir } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const SITE = fileURLToPath(new URL('../../target/site/html/', import.meta.url));
const WINDOWS = [
  { name: 'desktop', viewport: { width: 1280, height: 850 }, colorScheme: 'light' },
  { name: 'desktop-dark', viewport: { width: 1280, height: 850 }, colorScheme: 'dark' },
  { name: 'phone', viewport: { width: 390, height: 844 }, colorScheme: 'light', isMobile: true },
  { name: 'phone-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true },
];
const PICTURES = {
  desktop: { front: 'index.html', reference: 'reference/http.html' },
  'desktop-dark': { troubleshooting: 'troubleshooting.html' },
  phone: { front: 'index.html', 'what-it-is': 'what-it-is.html' },
  'phone-dark': { troubleshooting: 'troubleshooting.html' },
};

/** What is wider than the window, apart from what scrolls by itself. */
function tooWide() {
  const width = document.documentElement.clientWidth;
  const scrolls = '.table-wrapper, pre';
  const wide = [...document.querySelectorAll('main *')].filter(
    (element) => element.getBoundingClientRect().right > width + 1 && !element.closest(scrolls),
  );
  const page = document.documentElement.scrollWidth > width ? [`the page: ${document.documentElement.scrollWidth}`] : [];
  return [...page, ...wide.slice(0, 3).map((element) => `${element.tagName}: ${element.textContent.slice(0, 40)}`)];
}

async function look(context, name, picture) {
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('request', (request) => {
    if (!/^(file|data|blob):/.test(request.url())) faults.push(`asks ${request.url()}`);
  });
  await page.goto(pathToFileURL(SITE + name).href);
  faults.push(...(await page.evaluate(tooWide)));
  if (picture) await page.screenshot({ path: picture });
  await page.close();
  return faults;
}

const folder = process.argv[2];
const all = await readdir(SITE, { recursive: true });
// The page for what is not there names its styles from the root of a server.
const pages = all.filter((name) => name.endsWith('.html') && !/(^|\/)(404|toc)\.html$/.test(name)).sort();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
let wrong = 0;
for (const { name, ...options } of WINDOWS) {
  const context = await browser.newContext(options);
  for (const page of pages) {
    const subject = Object.entries(PICTURES[name]).find(([, shown]) => shown === page)?.[0];
    if (folder && !subject) continue;
    for (const fault of await look(context, page, folder && `${folder}/site-${name}-${subject}.png`)) {
      console.log(`${name} ${page}: ${fault}`);
      wrong += 1;
    }
  }
  await context.close();
}
await browser.close();
console.log(`${pages.length} pages, ${WINDOWS.length} windows, ${wrong} findings`);
process.exitCode = wrong ? 1 : 0;
