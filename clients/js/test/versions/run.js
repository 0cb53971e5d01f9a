/**
 * The package, as it would be published, in real apps of several versions of Next.js, behind the real gateway.
 *
 *     node run.js 14 15 16       a line for each app; exit code 1 if one of them answers wrongly
 *
 * Needs `dist`, the gateway (`SIDGATE_BIN`), Chromium and the npm registry, and minutes: `make soak` runs it.
 */
import { checkFresh } from './fresh.js';
import { checkPlain } from './plain.js';
import { inFolder, packed } from './tools.js';

await inFolder('pack', async (folder) => {
  const tarball = await packed(folder);
  for (const line of process.argv.slice(2)) {
    for (const [name, check] of Object.entries({ plain: checkPlain, fresh: checkFresh })) {
      const began = Date.now();
      await check(line, tarball);
      console.log(`Next.js ${line}, ${name} app: ok (${Math.round((Date.now() - began) / 1_000)} s)`);
    }
  }
});
