// The dashboard in a real browser, in front of a real gateway that is being used.
//
//     SIDGATE_BIN=target/debug/sidgate scripts/js npm test --workspace gateway/tests/dashboard
//
// Needs Chromium, PostgreSQL, Redis and playwright-core. Pictures for people to look at go to .artefacts/dashboard.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { ask, logIn, makeTraffic, startStand } from "./stand.mjs";

const CHROME = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1";
const SCRIPT = "<script>window.owned=1</script><img src=x onerror=window.owned=1>";
const PATH = "/api/admin/session-dashboard";
const CHARTS = ["requests", "hits", "resolve", "time", "distribution", "errors", "lease", "stores", "sessions", "changes", "migration"];
const LOOKS = {
  light: {},
  dark: { colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
};
const SHOTS = fileURLToPath(new URL("../../../.artefacts/dashboard/", import.meta.url));

let stand;
let browser;
let endTraffic;

before(async () => {
  stand = await startStand();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  endTraffic = makeTraffic(stand, [CHROME, FIREFOX, PHONE, SCRIPT]);
  await sleep(10_000);
});

after(async () => {
  // Whatever fails, nothing is left running.
  await Promise.allSettled([endTraffic?.(), browser?.close()]);
  await stand?.stop();
});

/** A page that must not complain about anything. */
async function open(options = {}, url = stand.admin + PATH) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

async function isDrawn(page) {
  for (const id of CHARTS) await page.locator(`#chart-${id} .plot[data-drawn=true] canvas`).waitFor();
  await page.locator("#sessions tr td").first().waitFor();
}

async function picture(page, name) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}${name}.png`, fullPage: true });
}

async function fits(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `${name}: the page is ${wide} px too wide`);
}

/** Whether there is anything but one colour on the canvas of a chart. */
const isInked = (page, id) =>
  page.locator(`#chart-${id} canvas`).evaluate((canvas) => new Set(new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size > 3);

test("every panel shows data, in the light, in the dark and on a phone", async () => {
  for (const [name, options] of Object.entries(LOOKS)) {
    const { page, complaints } = await open(options);
    await isDrawn(page);
    await picture(page, name);
    for (const id of CHARTS) {
      assert.equal(await page.locator(`#chart-${id} .plot > p`).isVisible(), false, id);
      assert.ok(await isInked(page, id), `${id} is blank`);
    }
    const tiles = await page.locator(".tile b").allTextContents();
    assert.equal(tiles.length, 7);
    for (const tile of tiles) assert.notEqual(tile, "–", `${name}: ${tiles}`);
    assert.equal(await page.locator("#state").textContent(), "ready");
    assert.match(await page.locator("#chart-stores h2 small").textContent(), /Redis answers/);
    assert.match(await page.locator("#chart-migration").textContent(), /migrated.*refused/);
    assert.equal(await page.locator("#burndown-days tr").count(), 7);
    assert.match(await page.locator("#burndown-verdict").textContent(), /^Safe to remove: /);
    assert.match(await page.locator("#nodes").textContent(), /this one/);
    assert.match(await page.locator("#nodes").textContent(), / left/);
    assert.match(await page.locator("#rejects").textContent(), /reserved header/);
    await fits(page, name);
    assert.deepEqual(complaints, [], name);
    await page.context().close();
  }
});

test("while it loads it says so", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  let go;
  const held = new Promise((resolve) => (go = resolve));
  await page.route(/\/(stats|sessions|nodes)(\?|$)/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(stand.admin + PATH);
  await page.locator("#sessions-note", { hasText: "Loading…" }).waitFor();
  assert.equal(await page.locator("#state").textContent(), "loading");
  for (const id of CHARTS) assert.equal(await page.locator(`#chart-${id} .plot > p`).textContent(), "Loading…");
  await picture(page, "loading");
  go();
  await isDrawn(page);
  await context.close();
});

test("a day can be chosen", async () => {
  const { page, complaints } = await open();
  await isDrawn(page);
  await page.getByText("24 h", { exact: true }).click();
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

test("a session is found and ended with nothing but a keyboard", async () => {
  const cookie = await logIn(stand, "mallory@example.com");
  const knows = async () => JSON.parse((await ask(`${stand.site}/api/auth/session-v2`, { headers: { cookie } })).text).authenticated;
  assert.equal(await knows(), true);
  const { page, complaints } = await open();
  await isDrawn(page);
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.id);
  /** Tab, until this has the focus. */
  const tabTo = async (wanted) => {
    const passed = [];
    while (passed.at(-1) !== wanted && passed.length < 12) {
      await press("Tab");
      passed.push(await focused());
    }
    assert.equal(passed.at(-1), wanted, passed.join(", "));
  };
  await press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the sessions");
  await press("Enter");
  await tabTo("text");
  await page.keyboard.type("mallory");
  await press("Enter");
  const button = "End the session of mallory, curl";
  await page.getByRole("button", { name: button }).waitFor();
  await tabTo(button);
  // Thought better of it: nothing has happened, and the focus is where it was.
  await press("Enter");
  await page.getByRole("dialog").waitFor();
  await press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal(await focused(), button);
  assert.equal(await knows(), true);
  await press("Enter");
  await page.getByRole("dialog", { name: "End a session" }).waitFor();
  await tabTo("reason");
  // Nobody ends a session without saying why, and nobody believes that it has ended.
  await press("Enter");
  assert.equal(await page.locator("#reason:invalid").count(), 1);
  assert.equal(await page.getByRole("dialog").isVisible(), true);
  assert.equal(await knows(), true);
  await page.keyboard.type("a stolen phone");
  await picture(page, "dialog");
  await press("Enter");
  await page.getByText("1 ended; 1 of 1 nodes").waitFor();
  assert.equal(await focused(), "sessions-title");
  assert.equal(await knows(), false);
  await page.getByText("No live session matches.").waitFor();
  assert.match(stand.log(), /"comment":"a stolen phone"/);
  assert.deepEqual(complaints, []);
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

test("it asks for the token, and says what there is not", async () => {
  const token = "0123456789abcdef0123456789abcdef";
  const other = await startStand({ plain: true, token });
  try {
    const { page } = await open({}, other.admin + PATH);
    await page.locator("#token-value").waitFor();
    await picture(page, "token");
    // A page that waits for somebody does not knock again and again.
    const refused = () => other.log().split("admin_refused").length - 1;
    await page.waitForTimeout(1_000);
    const before = refused();
    await page.waitForTimeout(5_000);
    assert.equal(refused(), before);
    assert.ok(before >= 1 && before <= 3, `${before} refusals`);
    await page.locator("#token-value").fill("a wrong one");
    await page.getByRole("button", { name: "Use it" }).click();
    await page.getByText("Sessions cannot be shown").waitFor();
    assert.equal(await page.locator("#token").isVisible(), true);
    await page.locator("#token-value").fill(token);
    await page.getByRole("button", { name: "Use it" }).click();
    await page.locator("#chart-lease .plot[data-drawn=true]").waitFor();
    assert.equal(await page.locator("#token").isVisible(), false);
    assert.match(await page.locator("#chart-stores h2 small").textContent(), /no Redis configured/);
    assert.match(await page.locator(".tile", { hasText: "Redis" }).textContent(), /^none/);
    const empty = { requests: /No request/, hits: /No session was looked up/, changes: /Nobody logged in/, errors: /Nothing was refused/, migration: /Migration is off/ };
    for (const [id, words] of Object.entries(empty)) assert.match(await page.locator(`#chart-${id} .plot > p`).textContent(), words);
    await page.getByText("Nobody is logged in.").waitFor();
    await page.getByText("Nothing was rejected in this time.").waitFor();
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
  await page.getByText("The gateway does not answer").waitFor();
  assert.equal(await page.locator("#state").textContent(), "no data");
  await page.unroute("**/stats*");
  await page.getByText("The gateway does not answer").waitFor({ state: "hidden" });
  assert.equal(await page.locator("#state").textContent(), "ready");
  await page.context().close();
});

test("a store that is away is an error, not an empty list", async () => {
  for (const [name, options] of Object.entries(LOOKS)) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const problem = { status: 503, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", title: "Unavailable", status: 503, code: "unavailable", detail: "The store does not answer." }) };
    await page.route(/\/(stats|sessions|nodes)(\?|$)/, (route) => route.fulfill(problem));
    await page.goto(stand.admin + PATH);
    await page.getByText("Sessions cannot be shown: The store does not answer.").waitFor();
    await page.getByText("The gateway does not answer (The store does not answer.); trying again.").waitFor();
    for (const id of CHARTS) assert.equal(await page.locator(`#chart-${id} .plot > p`).textContent(), "No data.");
    assert.equal(await page.getByText("Nobody is logged in.").count(), 0);
    await fits(page, name);
    await picture(page, `error-${name}`);
    // When it is back nobody has to ask for the list again.
    await page.unroute(/\/(stats|sessions|nodes)(\?|$)/);
    await isDrawn(page);
    await page.locator("#sessions tr[id^=session-]").first().waitFor();
    assert.equal(await page.locator("#sessions-note").textContent(), "");
    await context.close();
  }
});

test("active sessions are counted", async () => {
  const { page } = await open();
  await page.locator(".tile", { hasText: /^[1-9]\d*active sessions$/ }).waitFor();
  await page.context().close();
});

test("a page that is left open leaves the audit trail alone", async () => {
  const asked = () => stand.log().split('"event":"admin"').length - 1;
  const before = asked();
  const { page } = await open();
  await isDrawn(page);
  await page.waitForTimeout(6_000);
  assert.equal(asked() - before, 1, "the list of sessions, once");
  await page.context().close();
});
