// The page: asks the API beside it, shows what it says. Text of others goes into the page as text only.

import { CHARTS, Chart, count, percent, rate, seconds } from "./charts.js";

const $ = (id) => document.getElementById(id);
const KEEP = { "15m": 450, "24h": 1440 };
const EVERY = { "15m": 2000, "24h": 60_000 };
let shown = "15m";
const nothing = () => ({ t: [], series: {}, step: 0 });
let data = nothing();
let now = {};
let timer = 0;
let round = 0;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// === asking ===

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `status ${status}`);
    Object.assign(this, { status, code: problem.code });
  }
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(new URL(path, document.baseURI), { ...options, headers, signal: AbortSignal.timeout(10_000) });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, body);
  return body;
}

function trouble(error) {
  $("token").hidden = error?.code !== "token_required";
  const words = {
    token_required: "",
    reauthentication_required: "Your login is more than 15 minutes old. Log out and in again to go on.",
    unauthenticated: "Your session has ended. Log in again to go on.",
    session_evicted: "Your session was ended by a login on another device.",
    forbidden: "Your account may not look at sessions.",
  };
  const said = error ? (words[error.code] ?? `The gateway does not answer (${error.message}); trying again.`) : "";
  $("trouble").hidden = !said;
  $("trouble").textContent = said;
  if (!error) return;
  pill("no data", "bad");
  if (data.t.length) return;
  for (const chart of charts) chart.say("No data.");
  fill($("rejects"), [], 2, "No data.");
  fill($("nodes"), [], 5, "No data.");
}

$("token").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token-value").value.trim());
  $("token-value").value = "";
  start();
});

// === charts ===

const charts = CHARTS.map((chart) => {
  const plot = element("div", { className: "plot" }, element("p", { textContent: "Loading…" }));
  const title = element("h2", { textContent: chart.title }, element("small", { textContent: chart.note ?? "" }));
  const figure = element("figure", { id: `chart-${chart.id}` }, title, plot);
  figure.setAttribute("aria-label", chart.title);
  $("rejected").before(figure);
  return new Chart(chart, plot);
});

function merge(fresh) {
  const length = data.t.length;
  const most = KEEP[shown];
  data.step = fresh.step;
  for (const name of Object.keys(fresh.series)) data.series[name] ??= new Array(length).fill(null);
  data.t = [...data.t, ...fresh.t].slice(-most);
  for (const [name, values] of Object.entries(data.series)) {
    const added = fresh.series[name] ?? new Array(fresh.t.length).fill(null);
    data.series[name] = [...values, ...added].slice(-most);
  }
}

const last = (name) => data.series[name]?.at(-1) ?? null;
const total = (prefix) => {
  const names = Object.keys(data.series).filter((name) => name.startsWith(prefix));
  return data.t.length ? names.reduce((sum, name) => sum + (last(name) ?? 0), 0) : null;
};

function pill(text, kind) {
  $("state").textContent = text;
  $("state").className = `pill ${kind}`;
}

function tiles() {
  const local = last("resolve.local") ?? 0;
  const found = local + (last("resolve.shared") ?? 0) + (last("resolve.store") ?? 0);
  const lease = last("lease_remaining_seconds");
  const redis = now.redis == null ? "none" : { Closed: "up", HalfOpen: "probing", Open: "down" }[now.redis];
  const facts = [
    ["requests", rate(total("requests."))],
    ["response time p95", seconds(last("request.p95"))],
    ["served from memory", found > 0 ? percent((100 * local) / found) : "–"],
    ["active sessions", count(last("live_sessions"))],
    ["lease left", seconds(lease), lease === 0],
    ["Redis", redis, redis === "down"],
    ["contradictions", count(last("cache_inconsistent_total")), last("cache_inconsistent_total") > 0],
  ];
  $("tiles").replaceChildren(...facts.map(([name, value, bad]) =>
    element("div", { className: bad ? "tile bad" : "tile" }, element("b", { textContent: value }), element("span", { textContent: name }))));
}

function rejects() {
  const sums = Object.entries(data.series)
    .filter(([name]) => name.startsWith("refused.") || name.startsWith("spoof."))
    .map(([name, values]) => [name, Math.round(values.reduce((sum, value) => sum + (value ?? 0) * data.step, 0))])
    .filter(([, sum]) => sum > 0).sort((a, b) => b[1] - a[1]).slice(0, 10);
  const words = (name) => (name.startsWith("spoof.") ? "reserved header: " : "") + name.split(".").slice(1).join(".").replaceAll("_", " ");
  fill($("rejects"), sums.map(([name, sum]) => row([words(name)], [count(sum), "number"])), 2, "Nothing was rejected in this time.");
}

function draw() {
  tiles();
  rejects();
  for (const chart of charts) chart.draw(data);
  const migration = $("chart-migration").querySelector(".plot > p");
  if (!now.migration && !migration.hidden) migration.textContent = "Migration is off.";
  const stores = $("chart-stores").querySelector("h2 small");
  stores.textContent = now.redis == null ? "no Redis configured" : `Redis ${{ Closed: "answers", HalfOpen: "is being probed", Open: "is away" }[now.redis]}`;
}

async function poll(mine) {
  try {
    const fresh = await ask(`stats?window=${shown}&since=${data.t.at(-1) ?? 0}`);
    if (mine !== round) return;
    now = fresh.now;
    merge(fresh);
    trouble(null);
    const ready = now.schema && now.rights && now.window && now.lease && !now.draining;
    pill(ready ? "ready" : now.draining ? "draining" : "not ready", ready ? "good" : "bad");
    $("footer").textContent = `Sidgate ${now.version}. Charts show this node; sessions and nodes are those of the whole installation.`;
    draw();
    await nodes();
    await burndown();
    // What could not be shown while something was away.
    if (sessionsFailed) sessions(false);
  } catch (error) {
    if (mine !== round) return;
    trouble(error);
    // Asking again changes nothing before somebody has done something about it.
    if (error.status === 401 || error.status === 403) return;
  }
  if (mine === round && !document.hidden) timer = setTimeout(() => poll(mine), EVERY[shown]);
}

async function nodes() {
  const { nodes } = await ask("nodes");
  fill($("nodes"), nodes.map((node) =>
    row([node.id.slice(0, 8) + (node.self ? " (this one)" : ""), "mono"], [count(node.applied), "number"], [count(node.behind), "number"], [node.lease_ms > 0 ? `${seconds(node.lease_ms / 1000)} left` : "over", "number"], [seconds(node.seen_ms / 1000), "number"])), 5, "No node has reported.");
}

let burndownAt = 0;

/** How many come with old logins each day. It is written down once a minute. */
async function burndown() {
  $("burndown").hidden = !now.migration;
  if (!now.migration || Date.now() - burndownAt < 60_000) return;
  const report = await ask("migration");
  burndownAt = Date.now();
  const most = Math.max(1, ...report.days.map((day) => day.users));
  fill($("burndown-days"), report.days.map((day, ago) => {
    const bar = element("span", { className: "bar" });
    bar.style.width = `${(100 * day.users) / most}%`;
    const migrated = element("td", { className: "bars" }, bar, element("span", { textContent: count(day.users) }));
    return element("tr", {}, element("td", { textContent: ago === 0 ? "last 24 hours" : ago === 1 ? "the day before" : `${ago} days before` }), migrated,
      element("td", { className: "number", textContent: count(day.refused) }), element("td", { className: "number", textContent: count(day.requests) }));
  }), 4, "");
  $("burndown-verdict").textContent = report.removal.why;
}

function start() {
  clearTimeout(timer);
  round += 1;
  data = nothing();
  poll(round);
  sessions(false);
}

$("window").addEventListener("change", (event) => {
  shown = event.target.value;
  clearTimeout(timer);
  round += 1;
  data = nothing();
  poll(round);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return clearTimeout(timer);
  clearTimeout(timer);
  round += 1;
  poll(round);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of charts) chart.forget();
  draw();
});

// === tables ===

function row(...cells) {
  return element("tr", {}, ...cells.map(([text, className]) => element("td", { textContent: text, className: className ?? "" })));
}

function fill(body, rows, columns, empty) {
  body.replaceChildren(...(rows.length ? rows : [element("tr", {}, element("td", { colSpan: columns, className: "note", textContent: empty }))]));
}

const when = (time) => (time ? new Date(time).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false }) : "–");
let next = null;
let asked = "";
let searches = 0;
let sessionsFailed = false;

async function sessions(more) {
  if (!more) asked = $("text").value.trim() ? `&${$("field").value}=${encodeURIComponent($("text").value.trim())}` : "";
  $("sessions-note").textContent = "Loading…";
  const mine = ++searches;
  try {
    const page = await ask(`sessions?limit=50${asked}${more && next ? `&after=${next}` : ""}`);
    if (mine !== searches) return;
    sessionsFailed = false;
    const rows = page.sessions.map(sessionRow);
    if (more) $("sessions").append(...rows);
    else fill($("sessions"), rows, 7, asked ? "No live session matches." : "Nobody is logged in.");
    next = page.next;
    $("more").hidden = !next;
    $("sessions-note").textContent = "";
  } catch (error) {
    if (mine !== searches) return;
    sessionsFailed = error.status !== 400;
    $("more").hidden = true;
    $("sessions-note").textContent = error.status === 400 ? "That is not something to search for." : `Sessions cannot be shown: ${error.message}`;
  }
}

function sessionRow(session) {
  const user = element("td", { textContent: session.userId }, element("small", { textContent: [session.email, session.tenantId, session.site].filter(Boolean).join(" · ") }));
  const device = element("td", { textContent: session.device.label }, element("small", { textContent: session.device.user_agent, title: session.device.user_agent }));
  const where = [session.place?.city, session.place?.country].filter(Boolean).join(", ");
  const place = element("td", { textContent: session.ip ?? "–", className: "mono" }, ...(where ? [element("small", { textContent: where })] : []));
  const since = (flag) => (session.signals ?? []).find((signal) => signal.rule === flag)?.at;
  const flags = element("td", { className: session.flags.length ? "" : "blank" }, ...session.flags.map((flag) => element("span", { className: "flag", textContent: flag.replaceAll("_", " "), title: since(flag) ? when(since(flag)) : "" })));
  const button = element("button", { className: "danger", textContent: "End…" });
  button.setAttribute("aria-label", `End the session of ${session.userId}, ${session.device.label}`);
  button.addEventListener("click", () => revoke(session));
  const cells = [user, device, place, element("td", { textContent: when(session.createdAt) }), element("td", { textContent: when(session.lastActivity) }), flags, element("td", {}, button)];
  ["", "", "from", "login", "last use"].forEach((label, at) => label && (cells[at].dataset.label = label));
  return element("tr", { id: `session-${session.id}` }, ...cells);
}

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  sessions(false);
});
$("more").addEventListener("click", () => sessions(true));

// === ending sessions ===

let toEnd = null;

function revoke(session) {
  toEnd = session;
  $("revoke-what").textContent = `${session.userId}, ${session.device.label}, logged in ${when(session.createdAt)}.`;
  $("revoke-trouble").textContent = "";
  $("reason").value = "";
  $("revoke").querySelector("[value=one]").checked = true;
  $("revoke").showModal();
}

$("revoke-yes").addEventListener("click", async (event) => {
  event.preventDefault();
  if (!$("reason").reportValidity()) return;
  const all = $("revoke").querySelector("[value=user]").checked;
  const body = { ...(all ? { user: toEnd.userId } : { id: toEnd.id }), reason: $("reason").value };
  $("revoke-yes").disabled = true;
  try {
    const receipt = await ask("revocations", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    $("revoke").close();
    // The button that opened the dialog goes away with its row.
    $("sessions-title").focus();
    toast(`${receipt.revoked} ended; ${receipt.acked} of ${receipt.nodes} nodes have confirmed within ${receipt.worst_ms} ms.`);
    sessions(false);
  } catch (error) {
    $("revoke-trouble").textContent = error.status === 404 ? "It has ended already." : `Nothing was ended: ${error.message}`;
  } finally {
    $("revoke-yes").disabled = false;
  }
});
$("revoke-no").addEventListener("click", () => $("revoke").close());

function toast(text) {
  $("toast").textContent = text;
  setTimeout(() => ($("toast").textContent = ""), 6000);
}

start();
