/** Every vector, read and written by `sidgate.js`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compactVerify } from 'jose';
import { NotFromSidgate, Sidgate } from './sidgate.js';

const load = (name) => JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8'));

const appOf = (file, one, name) =>
  new Sidgate(
    name,
    one.keys.map((key) => file.keys[key]),
    () => one.now,
  );

const assertions = load('assertions');
for (const one of assertions.cases) {
  test(`assertion: ${one.name}`, async () => {
    const read = appOf(assertions, one, assertions.audience).visitor(one.token);
    if (one.refused) return assert.rejects(read, NotFromSidgate);
    const { state } = one.claims;
    assert.deepEqual(await read, { state, claims: state === 'active' ? one.claims : {} });
  });
}

const requests = load('backend-requests');
for (const one of requests.cases) {
  test(`request: ${one.name}`, async () => {
    const app = appOf(requests, one, requests.audience.replace(':backend', ''));
    const read = app.checkRequest(one.token, Buffer.from(one.body));
    await (one.accepted ? read : assert.rejects(read, NotFromSidgate));
  });
}

// The app writes these: they say what the right ones of the vectors say.
const events = load('events');
for (const one of events.cases.filter((one) => one.events && one.keys.join() === 'current')) {
  test(`event: ${one.name}`, async () => {
    const { issuer: iss, audience: aud, keys } = events;
    const written = await appOf(events, one, iss).event(one.request_id, ...one.events);
    const { payload } = await compactVerify(written, Buffer.from(keys.current, 'base64'), { algorithms: ['HS256'] });
    const claims = JSON.parse(Buffer.from(payload));
    assert.deepEqual(claims, { iss, aud, iat: one.now, req: one.request_id, ev: one.events });
  });
}

test('a request without a token is nobody’s', async () => {
  const app = new Sidgate('app', [Buffer.alloc(32).toString('base64')]);
  await assert.rejects(app.visitor(undefined), NotFromSidgate);
  await assert.rejects(app.checkRequest(undefined, Buffer.alloc(0)), NotFromSidgate);
});

test('what is no key is found at the start', () => {
  for (const key of ['', 'AAAA', Buffer.alloc(31).toString('base64'), `${'-'.repeat(43)}=`]) {
    assert.throws(() => new Sidgate('app', [key]), TypeError);
  }
});
