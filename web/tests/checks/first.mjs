/** The first visit: how soon the map is there, and whether its figures are those of the API. */
import assert from 'node:assert/strict';
import { cost, open } from '../browser.mjs';
import { freeze } from '../frozen.mjs';
import { isRelease } from '../program.mjs';

/** CPU seconds of program and page until the map is painted; a build without optimisation takes longer. */
const FIRST_CPU_S = isRelease ? 5 : 20;

export default [
  {
    name: 'first visit: the map is painted at once, from the newest readings',
    async run(world) {
      const { browser, program, url } = world;
      const page = await open(browser);
      await cost(page);
      await page.goto(url);
      await page.waitForSelector('.map canvas', { timeout: 60_000 });
      const { task } = await cost(page);
      const cpu = program.cpu() + task;
      world.detail = `${cpu.toFixed(1)} CPU s of ${FIRST_CPU_S}`;
      assert.ok(cpu < FIRST_CPU_S, `${cpu.toFixed(1)} CPU s`);
      assert.ok(await painted(page), 'the canvas is empty');
    },
  },
  {
    name: 'first visit: the past is filled in, and the page says so only meanwhile',
    async run({ browser, program, url }) {
      const page = await open(browser);
      await page.goto(url);
      const line = page.locator('.topbar').getByText(/loading history, back to/);
      await page.waitForSelector('.map canvas', { timeout: 60_000 });
      const filling = (await program.api('api/v1/snapshot')).backfill ?? null;
      if (filling !== null) await line.waitFor({ timeout: 15_000 });
      await program.ready();
      await line.waitFor({ state: 'detached', timeout: 15_000 });
    },
  },
  {
    name: 'first visit: the funnel is that of the API',
    async run({ browser, program, url }) {
      const page = await open(browser);
      const snapshot = await program.ready();
      // Figures move on every 5 s.
      await freeze(page, snapshot);
      await page.goto(url);
      const { funnel } = snapshot;
      await page.waitForSelector('.funnel .step');
      const shown = await page.locator('.funnel .step strong').allInnerTexts();
      const want = [funnel.total, funnel.allocated, funnel.active, funnel.effective].map(count);
      assert.deepEqual(shown, want);
      const text = (await page.locator('.funnel .parts').innerText()).replaceAll(/\s+/g, ' ');
      for (const key of ['free', 'wasted', 'starting', 'low']) assert.ok(text.includes(`${key} ${count(funnel[key])}`), `${key}: ${text}`);
    },
  },
];

/** As the page writes figures of the funnel: whole, else one decimal. */
function count(value) {
  const whole = Math.abs(value - Math.round(value)) < 0.05;
  return new Intl.NumberFormat('en-US', { minimumFractionDigits: whole ? 0 : 1, maximumFractionDigits: whole ? 0 : 1 }).format(value);
}

/** Whether more than one colour is on the canvas. */
async function painted(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector('.map canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set(new Uint32Array(data.buffer));
    return colours.size > 20;
  });
}
