// The dashboard in a real browser, in front of a real gateway that is being used.
//
//     SIDGATE_BIN=target/debug/sidgate node --test gateway/tests/dashboard/dashboard.test.mjs
//
// Needs Chromium, redis-server and playwright-core. Screenshots go to $ARTEFACTS, or nowhere.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { ask, logIn, makeTraffic, startStand } from "./stand.mjs";

const CHROME = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1";
const SCRIPT = "<script>window.owned=1</script><img src=x onerror=window.owned=1>";
const PATH = "/api/admin/session-dashboard";
// Everything but migration, which is off here.
const DRAWN = ["requests", "hits", "resolve", "time", "distribution", "errors", "lease", "stores", "sessions", "changes"];

let stand;
let browser;

before(async () => {
  stand = await startStand();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  await makeTraffic(stand, 10, [CHROME, FIREFOX, PHONE, SCRIPT]);
});

after(async () => {
  await browser?.close();
  await stand?.stop();
});

/** A page that must not complain about anything. */
async function open(options = {}, url = stand.admin + PATH) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

async function isDrawn(page) {
  for (const id of DRAWN) await page.locator(`#chart-${id} .plot[data-drawn=true] canvas`).waitFor({ timeout: 15_000 });
  await page.locator("#sessions tr td").first().waitFor();
}

async function picture(page, name) {
  if (!process.env.ARTEFACTS) return;
  mkdirSync(process.env.ARTEFACTS, { recursive: true });
  await page.screenshot({ path: join(process.env.ARTEFACTS, `dashboard-${name}.png`), fullPage: true });
}

test("every panel shows data, in the light, in the dark and on a phone", async () => {
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
  const looks = { light: {}, dark: { colorScheme: "dark" }, phone };
  for (const [name, options] of Object.entries(looks)) {
    const { page, complaints } = await open(options);
    await isDrawn(page);
    await picture(page, name);
    for (const id of DRAWN) assert.equal(await page.locator(`#chart-${id} .plot > p`).isVisible(), false, id);
    assert.match(await page.locator(".tile", { hasText: "active sessions" }).textContent(), /^[1-9]/);
    assert.equal(await page.locator("#state").textContent(), "ready");
    assert.equal(await page.locator("#chart-migration .plot > p").textContent(), "Migration is off.");
    assert.match(await page.locator("#chart-stores h2 small").textContent(), /Redis answers/);
    assert.match(await page.locator("#nodes").textContent(), /this one/);
    assert.match(await page.locator("#rejects").textContent(), /reserved header/);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${name}: the page is ${wide} px too wide`);
    assert.deepEqual(complaints, [], name);
    await page.context().close();
  }
});

test("a day can be chosen", async () => {
  const { page, complaints } = await open();
  await isDrawn(page);
  await page.getByText("24 h").click();
  await page.locator("#chart-lease .plot > p").waitFor();
  await page.getByText("15 min").click();
  await isDrawn(page);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("what clients say about themselves is text", async () => {
  const { page } = await open();
  await page.locator("#text").fill("user3");
  await page.getByRole("button", { name: "Search" }).click();
  const device = page.locator("#sessions tr td:nth-child(2)").first();
  await device.getByText("<script>").waitFor();
  assert.equal(await page.evaluate(() => window.owned), undefined);
  assert.equal(await page.locator("#sessions script, #sessions img").count(), 0);
  await page.context().close();
});

test("a session is found and ended, by keyboard", async () => {
  const cookie = await logIn(stand, "mallory@example.com");
  const knows = async () => JSON.parse((await ask(`${stand.site}/api/auth/session-v2`, { headers: { cookie } })).text).authenticated;
  assert.equal(await knows(), true);
  const { page } = await open();
  await page.locator("#text").fill("mallory");
  await page.keyboard.press("Enter");
  const button = page.getByRole("button", { name: "End the session of mallory, curl" });
  await button.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.getByLabel("Reason, for the log").fill("test");
  await page.locator("#revoke-yes").focus();
  await page.keyboard.press("Enter");
  await page.getByText("1 ended; 1 of 1 nodes").waitFor();
  assert.equal(await knows(), false);
  await page.getByText("No live session matches.").waitFor();
  await page.context().close();
});

test("on the public listener it opens to a fresh login with the claim", async () => {
  const url = stand.site + PATH;
  const visit = async (cookie) => {
    const answer = await ask(url, { headers: { ...(cookie && { cookie }), "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" } });
    return [answer.status, answer.headers.location];
  };
  assert.deepEqual(await visit(), [303, `/login?next=${PATH}`]);
  assert.deepEqual(await visit(await logIn(stand, "user@example.com")), [403, undefined]);
  const [name, value] = (await logIn(stand, "root@example.com")).split("=");
  const context = await browser.newContext();
  await context.addCookies([{ name, value, url: stand.site }]);
  const page = await context.newPage();
  await page.goto(url);
  await isDrawn(page);
  await context.close();
});

test("it asks for the token and says what is missing", async () => {
  const token = "0123456789abcdef0123456789abcdef";
  const other = await startStand({ redis: false, token });
  try {
    const { page } = await open({}, other.admin + PATH);
    await page.locator("#token-value").fill(token);
    await page.getByRole("button", { name: "Use it" }).click();
    await page.locator("#chart-lease .plot[data-drawn=true]").waitFor({ timeout: 15_000 });
    assert.equal(await page.locator("#token").isVisible(), false);
    assert.match(await page.locator("#chart-stores h2 small").textContent(), /no Redis configured/);
    assert.match(await page.locator("#chart-hits .plot > p").textContent(), /No session was looked up/);
    await page.getByText("Nobody is logged in.").waitFor();
    await picture(page, "empty");
    await page.context().close();
  } finally {
    await other.stop();
  }
});

test("an outage is said, and ends", async () => {
  const { page } = await open();
  await isDrawn(page);
  await page.route("**/stats*", (route) => route.abort());
  await page.getByText("The gateway does not answer").waitFor({ timeout: 10_000 });
  await page.unroute("**/stats*");
  await page.getByText("The gateway does not answer").waitFor({ state: "hidden", timeout: 10_000 });
  await page.context().close();
});
