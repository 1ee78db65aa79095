/**
 * The checks of the pages in a browser: starts the program, runs every check, and prints a line for
 * each and `N passed, N failed, N skipped`. An argument leaves only checks whose name contains it.
 */
import { launch } from './browser.mjs';
import { FLEET, Program } from './program.mjs';
import access from './checks/access.mjs';
import assets from './checks/assets.mjs';
import charts from './checks/charts.mjs';
import costs from './checks/costs.mjs';
import explore from './checks/explore.mjs';
import first from './checks/first.mjs';
import holders from './checks/holders.mjs';
import looks from './checks/looks.mjs';
import map from './checks/map.mjs';
import states from './checks/states.mjs';
import words from './checks/words.mjs';

/** The first comes first: it watches the program start. */
const CHECKS = [...first, ...assets, ...looks, ...access, ...map, ...words, ...charts, ...explore, ...holders, ...states, ...costs];

/** Thrown by a check that cannot run here. */
class Skip extends Error {}

const filter = process.argv[2] ?? '';
const counts = { passed: 0, failed: 0, skipped: 0 };
const browser = await launch();
// The first check begins with a program that has just started.
const program = await Program.start(...FLEET);
const world = {
  browser,
  program,
  url: program.url,
  skip: (reason) => {
    throw new Skip(reason);
  },
};

for (const { name, run } of CHECKS.filter((check) => check.name.includes(filter))) {
  const began = performance.now();
  try {
    const again = await tried(run);
    counts.passed += 1;
    const took = ((performance.now() - began) / 1000).toFixed(1);
    const detail = world.detail === '' ? '' : ` [${world.detail}]`;
    console.log(`ok: ${name}${detail} (${took} s${again === '' ? '' : `, second try; first: ${again}`})`);
  } catch (error) {
    const kind = error instanceof Skip ? 'skipped' : 'failed';
    counts[kind] += 1;
    console.log(`${kind}: ${name}: ${oneLine(error)}`);
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
await program.stop();
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed === 0 ? 0 : 1);

/**
 * Runs a check, and once more where it failed: a page that is live and a machine that is shared may
 * meet at a bad moment. What failed first is said.
 */
async function tried(run) {
  world.detail = '';
  try {
    await run(world);
    return '';
  } catch (error) {
    if (error instanceof Skip) throw error;
    for (const context of browser.contexts()) await context.close();
    world.detail = '';
    await run(world);
    return oneLine(error);
  }
}

function oneLine(error) {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\u001b\[\d+m/g, '').replaceAll(/\s+/g, ' ').slice(0, 700);
}
