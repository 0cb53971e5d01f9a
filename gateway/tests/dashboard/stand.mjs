// A real gateway with Redis between an app and its visitors, for tests of the dashboard in a browser.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const PASSWORD = "correct horse battery";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An app that knows everybody who knows the password; its visitors named root are staff. */
function startApp(port) {
  const app = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (request.url !== "/__sidgate__/authenticate") {
      await sleep(request.url === "/slow" ? 120 : 1);
      return response.end("ok");
    }
    const { email, password } = JSON.parse(body);
    const id = email.split("@")[0];
    const known = { user: { id, email, name: id, is_staff: id === "root" }, tenant_id: "acme" };
    response.writeHead(password === PASSWORD ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(password === PASSWORD ? known : { code: "invalid_credentials" }));
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

/** Starts everything; `stop` ends it. */
export async function startStand({ redis = true, token = "" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "sidgate-dashboard-"));
  const [publicPort, adminPort, appPort, redisPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const app = await startApp(appPort);
  const children = [];
  if (redis) children.push(spawn("redis-server", ["--port", String(redisPort), "--bind", "127.0.0.1", "--save", "", "--dir", folder], { stdio: "ignore" }));
  writeFileSync(join(folder, "sidgate.toml"), `
[server]
listen = ["127.0.0.1:${publicPort}"]
admin_listen = "127.0.0.1:${adminPort}"
public_origin = "http://localhost:${publicPort}"
login_url = "/login"
[keys]
master = "file:master.key"
[store]
url = "sqlite:sidgate.db"
[cache]
local_ttl = "3s"
redis_url = "${redis ? `redis://127.0.0.1:${redisPort}` : ""}"
[admin]
claim = "user.is_staff"
${token ? 'token = "${ADMIN_TOKEN}"' : ""}
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
  const binary = process.env.SIDGATE_BIN;
  execFileSync(binary, ["keys", "generate", "--out", join(folder, "master.key")]);
  const gateway = spawn(binary, ["run", "--config", join(folder, "sidgate.toml")], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ADMIN_TOKEN: token, RUST_LOG: "warn" },
  });
  children.push(gateway);
  const stand = {
    admin: `http://localhost:${adminPort}`,
    site: `http://localhost:${publicPort}`,
    async stop() {
      for (const child of children) child.kill("SIGKILL");
      app.closeAllConnections();
      await new Promise((resolve) => app.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (let tries = 0; ; tries += 1) {
    const ready = await ask(`${stand.admin}/readyz`).then((answer) => answer.status === 200, () => false);
    if (ready) return stand;
    if (tries > 200) throw new Error("the gateway did not become ready");
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

/** What visitors do all day, and what they should not do, for so many seconds. */
export async function makeTraffic(stand, seconds, agents) {
  const visit = (path, headers = {}, options = {}) => ask(stand.site, { path, headers, ...options });
  const cookies = await Promise.all(agents.map((agent, at) => logIn(stand, `user${at}@example.com`, agent)));
  const end = Date.now() + 1000 * seconds;
  for (let round = 0; Date.now() < end; round += 1) {
    const some = cookies.map((cookie) => visit(round % 3 ? "/" : "/slow", { cookie }));
    some.push(visit("/"), visit("/required"), visit("/required", { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" }));
    some.push(visit("/", { "x-session-user-id": "1", "x-forwarded-for": "1.2.3.4" }), visit("/%2e%2e/etc"), visit("/api/auth/session-v2"));
    if (round % 10 === 0) {
      const cookie = await logIn(stand, "passer-by@example.com");
      some.push(visit("/api/auth/session-v2", { cookie }, { method: "DELETE" }));
    }
    await Promise.allSettled(some);
    await sleep(60);
  }
}
