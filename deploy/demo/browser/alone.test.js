/** The demo on a machine without Node.js. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { demoEnvironment, ROOT, RUN } from './demo.js';

const run = promisify(execFile);

// Where scripts/bootstrap had to bring Node.js itself, the demo finds it there.
const skip = existsSync(join(ROOT, '.venv/bin/node')) && 'Node.js is in .venv';

test('it says so, and the four lines work with Django alone', { skip, timeout: 180_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sidgate-alone-'));
  try {
    // What is found on the PATH is not new enough.
    await writeFile(join(folder, 'node'), '#!/bin/sh\nexit 1\n');
    await chmod(join(folder, 'node'), 0o755);
    const env = await demoEnvironment(join(folder, 'demo'));
    env.PATH = [folder, env.PATH].join(delimiter);
    const { stdout } = await run(RUN, ['--once'], { env });
    assert.match(stdout, /no Node\.js 20\.19 or newer: the demo runs with Django alone/);
    assert.match(stdout, /self test: all four lines answer as they should/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
