/**
 * Follows README.md and docs/nextjs.md word by word: from an empty folder to the first login and on, for several versions of
 * Next.js, with the real gateway and a real browser.
 *
 *     node run.js 14 15 16       a line for each version; exit code 1 if a block does not do what the document says
 *
 * Needs the gateway (`SIDGATE_BIN`), Chromium and the npm registry, and minutes: `make soak` runs it.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { complaints, TODAY } from '../versions/fresh.js';
import { inFolder, PACKAGE, ROOT } from '../versions/tools.js';
import { blocksOf } from './blocks.js';
import { Project } from './project.js';
import { firstLogin, lookAround } from './visits.js';

const DOCUMENTS = [join(PACKAGE, 'README.md'), join(ROOT, 'docs/nextjs.md')];
const minutes = (ms) => `${(ms / 60_000).toFixed(1)} min`;

async function follow(line, folder) {
  const began = Date.now();
  const project = await Project.begin(folder, line, TODAY);
  let login;
  try {
    for (const document of DOCUMENTS) {
      for (const block of await blocksOf(document)) {
        await project.follow(block).catch((cause) => {
          throw new Error(`${block.where}: ${cause.stderr || cause.message}`, { cause });
        });
        if (login === undefined && project.servers.size === 2) {
          await firstLogin(project.origin);
          login = Date.now() - began;
        }
      }
    }
    await built(project);
  } finally {
    await project.end();
  }
  const { run, 'not run': not } = project.counts;
  console.log(`Next.js ${line}: first login after ${minutes(login)}; ${run} blocks run, ${not} marked as not run, ${minutes(Date.now() - began)}`);
}

/** All that the documents have written, built and started. */
async function built(project) {
  await project.shell('npm run build');
  await project.keep('npx next start --port 3001');
  await project.keep('sidgate run --config sidgate.toml');
  await lookAround(project.origin);
  assert.deepEqual(complaints(project.servers.get('app').said), [], 'the log of the app');
}

for (const line of process.argv.slice(2)) await inFolder(`documents${line}`, (folder) => follow(line, folder));
