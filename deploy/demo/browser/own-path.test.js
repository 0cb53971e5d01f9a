/** Where the sign-in page may send people. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownPath } from '../next/utils/ownPath.js';

const SITE = 'http://localhost:3000';

const ELSEWHERE = [
  '//evil.test',
  '///evil.test',
  '/\\evil.test',
  '\\\\evil.test',
  '\\/evil.test',
  '/\t/evil.test',
  '/\n/evil.test',
  '/\r/evil.test',
  '\t//evil.test',
  ' //evil.test',
  '\u0000//evil.test',
  '/.//evil.test',
  '/..//evil.test',
  '/a/..//evil.test',
  '/.\t//evil.test',
  '/%2e//evil.test',
  '/./\\evil.test',
  'https:evil.test',
  'https:/evil.test',
  'https://evil.test',
  'http:\\\\evil.test',
  'HTTPS://evil.test',
  'http://here.invalid@evil.test/',
  'http://here.invalid.evil.test/',
  'javascript:alert(1)',
  'java\tscript:alert(1)',
  'data:text/html,x',
  'http://[',
  '//',
];

for (const next of ELSEWHERE) {
  test(`${JSON.stringify(next)} leads to the front page`, () => {
    assert.equal(ownPath(next), '/');
  });
  test(`${JSON.stringify(encodeURIComponent(next))} as the browser sends it`, () => {
    const sent = new URL(`/signin?next=${encodeURIComponent(next)}`, SITE).searchParams.get('next');
    assert.equal(new URL(ownPath(sent), SITE).origin, SITE);
  });
}

for (const next of ['/', '/account', '/account?a=1&b=//x#c', '/%2F/evil.test', '/a%09b', '/account/%40me']) {
  test(`${next} is of this site`, () => {
    assert.equal(ownPath(next), next);
  });
}

test('nothing, and more than one', () => {
  for (const next of [undefined, null, '', ['/a', '/b'], 7, {}]) assert.equal(ownPath(next), '/');
});
