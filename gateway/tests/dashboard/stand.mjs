// A real gateway with PostgreSQL and Redis between an app and its visitors, for tests of the dashboard in a browser.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const PASSWORD = "correct horse battery";
const POSTGRES = fileURLToPath(new URL("../../../scripts/postgres", import.meta.url));

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An app that knows everybody who knows the password, and every old login but stale ones; visitors named root are staff. */
function startApp(port) {
  const app = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const answer = (status, json) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(json));
    };
    const identity = (id) => ({ user: { id, email: `${id}@example.com`, name: id, is_staff: id === "root" }, tenant_id: "acme" });
    if (request.url === "/__sidgate__/authenticate") {
      const { email, password } = JSON.parse(body);
      return password === PASSWORD ? answer(200, identity(email.split("@")[0])) : answer(401, { code: "invalid_credentials" });
    }
    if (request.url === "/__sidgate__/introspect") {
      const old = JSON.parse(body).cookies.old_session;
      return old.startsWith("stale") ? answer(401, { code: "invalid" }) : answer(200, identity(old));
    }
    await sleep(request.url === "/slow" ? 120 : 1);
    response.end("ok");
  });
  return new Promise((resolve) => app.listen(port, "127.0.0.1", () => resolve(app)));
}

/** One request with exactly these headers; `fetch` would add some that only browsers send. */
export function ask(url, { method = "GET", path, headers = {}, body = "" } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, timeout: 10_000, ...(path && { path }) }, async (answer) => {
      let text = "";
      for await (const chunk of answer) text += chunk;
      resolve({ status: answer.statusCode, headers: answer.headers, text });
    });
    request.on("error", reject);
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.end(body);
  });
}

/** A database of its own; ends with its standard input. */
async function startPostgres() {
  const server = spawn(POSTGRES, { stdio: ["pipe", "pipe", "inherit"] });
  for await (const url of createInterface(server.stdout)) return { server, url };
  throw new Error("PostgreSQL does not start");
}

/** Starts everything, or a gateway on its embedded defaults, without Redis and without migration; `stop` ends it. */
export async function startStand({ plain = false, token = "" } = {}) {
  const binary = process.env.SIDGATE_BIN;
  if (!binary) throw new Error("SIDGATE_BIN must name the gateway to test");
  const folder = mkdtempSync(join(tmpdir(), "sidgate-dashboard-"));
  const [publicPort, adminPort, appPort, redisPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const app = await startApp(appPort);
  const children = [];
  // Also when a test file ends without having stopped it.
  process.once("exit", () => children.forEach((child) => child.kill("SIGKILL")));
  if (!plain) children.push(spawn("redis-server", ["--port", String(redisPort), "--bind", "127.0.0.1", "--save", "", "--dir", folder], { stdio: "ignore" }));
  const postgres = plain ? null : await startPostgres();
  writeFileSync(join(folder, "sidgate.toml"), `
[server]
listen = ["127.0.0.1:${publicPort}"]
admin_listen = "127.0.0.1:${adminPort}"
public_origin = "http://localhost:${publicPort}"
login_url = "/login"
[keys]
master = "file:master.key"
[store]
url = "${postgres?.url ?? "sqlite:sidgate.db"}"
auto_migrate = ${!plain}
[cache]
local_ttl = "3s"
redis_url = "${plain ? "" : `redis://127.0.0.1:${redisPort}`}"
${plain ? "" : '[migration]\nmode = "on"\ncredentials = ["old_session"]'}
[admin]
claim = "user.is_staff"
${token ? 'token = "${ADMIN_TOKEN}"' : ""}
[login_limits]
# Everybody comes from one address here.
per_client = "1000/m"
per_account = "1000/m"
[cookie]
secure = false
[backend]
upstream = "app"
[upstreams.app]
servers = ["127.0.0.1:${appPort}"]
[[routes]]
path = "/"
upstream = "app"
session = "optional"
[[routes]]
path = "/required"
upstream = "app"
session = "required"
`);
  execFileSync(binary, ["keys", "generate", "--out", join(folder, "master.key")]);
  const gateway = spawn(binary, ["run", "--config", join(folder, "sidgate.toml")], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ADMIN_TOKEN: token, RUST_LOG: "info,sidgate::access=off" },
  });
  children.push(gateway);
  let log = "";
  gateway.stdout.setEncoding("utf8").on("data", (lines) => (log += lines));
  const stand = {
    admin: `http://localhost:${adminPort}`,
    site: `http://localhost:${publicPort}`,
    /** What the gateway has said so far. */
    log: () => log,
    async stop() {
      for (const child of children) child.kill("SIGKILL");
      postgres?.server.stdin.end();
      if (postgres) await once(postgres.server, "exit");
      app.closeAllConnections();
      await new Promise((resolve) => app.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (let tries = 0; ; tries += 1) {
    const ready = await ask(`${stand.admin}/readyz`).then((answer) => answer.status === 200, () => false);
    if (ready) return stand;
    if (tries > 200) {
      await stand.stop();
      throw new Error("the gateway did not become ready");
    }
    await sleep(50);
  }
}

/** Logs somebody in; the cookie. */
export async function logIn(stand, email, userAgent = "curl/8.5.0") {
  const answer = await ask(`${stand.site}/api/auth/session-v2`, {
    method: "POST",
    headers: { "content-type": "application/json", "user-agent": userAgent },
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  if (answer.status !== 201) throw new Error(`login: ${answer.status}`);
  return answer.headers["set-cookie"][0].split(";")[0];
}

/** What visitors do all day, and what they should not do, until it is told to stop. */
export function makeTraffic(stand, agents) {
  let stopped = false;
  const visit = (path, headers = {}, options = {}) => ask(stand.site, { path, headers, ...options });
  async function go() {
    const cookies = await Promise.all(agents.map((agent, at) => logIn(stand, `user${at}@example.com`, agent)));
    for (let round = 0; !stopped; round += 1) {
      const some = cookies.map((cookie) => visit(round % 3 ? "/" : "/slow", { cookie }));
      some.push(visit("/"), visit("/required"), visit("/required", { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" }));
      some.push(visit("/", { "x-session-user-id": "1", "x-forwarded-for": "1.2.3.4" }), visit("/%2e%2e/etc"), visit("/api/auth/session-v2"));
      if (round % 10 === 0) {
        const cookie = await logIn(stand, "passer-by@example.com");
        some.push(visit("/api/auth/session-v2", { cookie }, { method: "DELETE" }));
        some.push(visit("/", { cookie: `old_session=late${round % 100}` }), visit("/", { cookie: `old_session=stale${round}` }));
      }
      await Promise.allSettled(some);
      await sleep(60);
    }
  }
  const done = go();
  return () => ((stopped = true), done);
}
