/** The map says what the API says; and its address holds everything that one sees. */
import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';
import { freeze } from '../frozen.mjs';

const TILES = 50;

const address = (url, path) => new URL(path, url).href;

/** Table of every GPU by name: the texts of its cells. */
async function tableOf(page, url, rows) {
  await page.setViewportSize({ width: 1600, height: 2600 });
  await page.goto(address(url, '?view=table'));
  await settled(page, '/');
  // Rows in view, once the table has measured itself.
  await page.waitForFunction((want) => document.querySelectorAll('.table-box tbody tr:not(.gap)').length === want, rows);
  return new Map(await page.evaluate(() =>
    [...document.querySelectorAll('.table-box tbody tr:not(.gap)')].map((row) => {
      const cells = [...row.children].map((cell) => cell.innerText.trim());
      return [cells[0], cells];
    })));
}

export default [
  {
    name: 'map: card, spoken name, table and API agree on 50 tiles',
    async run({ browser, program, url }) {
      const snapshot = await program.ready();
      const page = await open(browser);
      await freeze(page, snapshot);
      const table = await tableOf(page, url, snapshot.gpu.uuid.length);
      assert.equal(table.size, snapshot.gpu.uuid.length);
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(url);
      await settled(page, '/');
      await page.locator('.map a.tile').focus();
      await page.keyboard.press('Home');
      const { gpu, dict } = snapshot;
      const names = gpu.uuid.map((_, row) => `${dict.node[gpu.node[row]]}/${gpu.index[row]}`);
      for (let tile = 0; tile < TILES; tile += 1) {
        const spoken = await page.locator('.map a.tile').getAttribute('aria-label');
        const card = await page.locator('.map .card').innerText();
        const name = spoken.split(':')[0];
        const row = names.indexOf(name);
        assert.ok(row >= 0, `no GPU ${name}`);
        const cells = table.get(name);
        const state = cells[1].replace(/^[^\p{L}]+/u, '');
        assert.ok(card.startsWith(name), card);
        assert.ok(spoken.includes(state) && card.includes(state), `${spoken} | ${card} | ${cells}`);
        const util = gpu.util[row];
        if (util === null) {
          const failed = snapshot.failed?.['gpu.util']?.includes(row) ?? false;
          assert.match(spoken, failed ? /Reading failed/ : /not supported/i);
        } else {
          assert.ok(spoken.includes(`${Math.round(util)}\u00a0%`), `${spoken}: ${util}`);
          assert.equal(Number(cells[2]).toFixed(1), util.toFixed(1));
        }
        const temp = gpu.temp[row];
        if (temp !== null) assert.ok(card.includes(`${Math.round(temp)}\u00a0°C`), `${card}: ${temp}`);
        const holder = dict.holder[gpu.holder[row]] ?? '';
        if (holder !== '' && gpu.slices[row] === null) assert.ok(spoken.includes(holder), `${spoken}: ${holder}`);
        await page.keyboard.press('ArrowRight');
      }
    },
  },
  {
    name: 'map: the pointer and the keyboard find the same tile',
    async run({ browser, program, url }) {
      const page = await open(browser);
      await freeze(page, await program.ready());
      await page.goto(url);
      await settled(page, '/');
      await page.locator('.map a.tile').focus();
      await page.keyboard.press('End');
      await page.keyboard.press('ArrowUp');
      const spoken = await page.locator('.map a.tile').getAttribute('aria-label');
      const box = await page.locator('.map a.tile').boundingBox();
      await page.evaluate(() => document.activeElement.blur());
      await page.mouse.move(5, 5);
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.waitForSelector('.map .card');
      assert.equal(await page.locator('.map a.tile').getAttribute('aria-label'), spoken);
    },
  },
  {
    name: 'address: filter, colour, group, zoom and zone, copied into a fresh profile, give the same text and pixels',
    async run({ browser, program, url }) {
      const snapshot = await program.ready();
      const first = await open(browser);
      await freeze(first, snapshot);
      await first.goto(url);
      await settled(first, '/');
      await first.locator('input[data-filter]').fill('util:>20');
      await first.getByLabel('Colour by').selectOption('temperature');
      await first.getByLabel('Group by').selectOption('model');
      await first.keyboard.press('Escape');
      const link = first.url();
      assert.match(link, /color=temperature/);
      const second = await open(browser);
      await freeze(second, snapshot);
      await second.goto(link);
      await settled(second, '/');
      const [a, b] = [await seen(first), await seen(second)];
      assert.equal(b.text, a.text);
      assert.equal(b.pixels, a.pixels);
      assert.notEqual(a.pixels, (await seenAt(browser, snapshot, url)).pixels);
    },
  },
  {
    name: 'back and forward restore scroll and selection',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await open(browser, { height: 420 });
      await page.goto(url);
      await settled(page, '/');
      await page.locator('.map a.tile').focus();
      await page.keyboard.press('End');
      await page.waitForFunction(() => window.scrollY > 50);
      await page.waitForTimeout(300);
      const before = await page.evaluate(() => ({ y: window.scrollY, name: document.activeElement.getAttribute('href') }));
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/gpus\//);
      await page.goBack();
      await page.waitForFunction(() => document.activeElement?.matches('.map a.tile'));
      await page.waitForFunction((y) => Math.abs(window.scrollY - y) < 40, before.y);
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), before.name);
      await page.goForward();
      await page.waitForURL(/\/gpus\//);
    },
  },
];

/** What a page shows: its text without clocks, and the canvas. */
async function seen(page) {
  await page.mouse.move(2, 2);
  await page.evaluate(() => document.activeElement.blur());
  await page.waitForTimeout(200);
  const text = await page.locator('main').innerText();
  const pixels = await page.evaluate(() => document.querySelector('.map canvas').toDataURL());
  return { text, pixels };
}

async function seenAt(browser, snapshot, url) {
  const page = await open(browser);
  await freeze(page, snapshot);
  await page.goto(url);
  await settled(page, '/');
  return seen(page);
}
