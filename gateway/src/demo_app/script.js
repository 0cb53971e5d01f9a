// What the first page does by the endpoints of the gateway: the list of devices, and a login by JSON.
"use strict";

const ENDPOINTS = "/api/auth";

function text(tag, content) {
  const element = document.createElement(tag);
  element.textContent = content;
  return element;
}

async function end(session) {
  await fetch(`${ENDPOINTS}/sessions/${encodeURIComponent(session.id)}`, { method: "DELETE" });
  if (session.current) location.reload();
  else await showDevices();
}

function device(session) {
  const item = document.createElement("li");
  const what = document.createElement("span");
  const label = session.device.label + (session.current ? " (this one)" : "");
  const since = new Date(session.createdAt).toLocaleString();
  what.append(text("b", label), document.createElement("br"), text("small", `${session.ip ?? "unknown address"}, since ${since}`));
  const button = text("button", "End");
  button.className = "plain";
  button.addEventListener("click", () => end(session));
  item.append(what, button);
  return item;
}

async function showDevices() {
  const list = document.getElementById("devices");
  if (!list) return;
  const answer = await fetch(`${ENDPOINTS}/sessions`);
  if (answer.status === 401) return location.reload();
  const body = await answer.json();
  list.replaceChildren(...(answer.ok ? body.sessions.map(device) : [text("li", body.title)]));
}

async function logIn(form) {
  const said = document.getElementById("said");
  const { email, password, next } = Object.fromEntries(new FormData(form));
  const answer = await fetch(`${ENDPOINTS}/session-v2`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  if (answer.ok) location.assign(next);
  else said.textContent = (await answer.json()).title;
}

const form = document.getElementById("login");
const button = document.getElementById("json-login");
if (form && button) {
  button.hidden = false;
  button.addEventListener("click", () => form.reportValidity() && logIn(form));
}
showDevices();
