/** What is missing or broken: nothing found, a GPU that is down, failing and slow answers, a cut stream; and readings that are no values. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open, settled } from '../browser.mjs';
import { freeze } from '../frozen.mjs';
import { Program } from '../program.mjs';

export default [
  {
    name: 'states: with nothing found the page says what to do next',
    async run({ browser }) {
      const empty = await Program.start('server', '--data', mkdtempSync(join(tmpdir(), 'gpulse-empty-')));
      try {
        const page = await open(browser);
        await page.goto(empty.url);
        await settled(page, '/');
        const text = await page.locator('main').innerText({ timeout: 20_000 });
        for (const command of ['gpulse doctor', 'gpulse up', 'gpulse demo']) assert.ok(text.includes(command), text);
        await page.goto(new URL('sessions', empty.url).href);
        await settled(page, '/sessions');
        assert.deepEqual(page.faults, []);
      } finally {
        await empty.stop();
      }
    },
  },
  {
    name: 'states: a GPU that its driver lost is named, by a mark and a word',
    async run({ browser, program, url }) {
      const snapshot = await program.ready();
      const down = snapshot.dict.state.indexOf('down');
      const row = snapshot.gpu.state.indexOf(down);
      assert.ok(row >= 0, 'the fleet has none');
      const name = `${snapshot.dict.node[snapshot.gpu.node[row]]}/${snapshot.gpu.index[row]}`;
      const page = await open(browser);
      await page.goto(url);
      await settled(page, '/');
      const list = await page.locator('.attention').innerText();
      assert.ok(list.includes(name), list);
      await page.goto(new URL(`gpus/${snapshot.gpu.uuid[row]}`, url).href);
      await settled(page, '/gpus/');
      assert.match(await page.locator('main').innerText(), /down/);
    },
  },
  {
    name: 'states: a failing API is said in its place, in its words, and tried again',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await open(browser);
      let broken = true;
      await page.route('**/api/v1/*', (route) =>
        broken ? route.fulfill({ status: 500, json: { status: 'error', error: 'the disk is gone' } }) : route.continue());
      await page.goto(url);
      await page.locator('.banner').waitFor();
      assert.match(await page.locator('.banner').innerText(), /the disk is gone/);
      broken = false;
      await page.locator('.banner button').click();
      await page.waitForSelector('.map canvas');
      assert.equal(await page.locator('.banner').count(), 0);
    },
  },
  {
    name: 'states: while an answer is slow the old picture stays, and the page answers keys',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await open(browser);
      await page.goto(new URL('explore?q=DCGM_FI_DEV_GPU_UTIL&from=now-30m', url).href);
      await settled(page, '/explore?q=');
      await page.route('**/api/v1/query_range', async (route) => {
        await new Promise((done) => setTimeout(done, 10_000));
        await route.continue().catch(() => {});
      });
      await page.getByRole('button', { name: 'Run' }).click();
      await page.waitForSelector('.progress');
      assert.equal(await page.locator('.plot canvas').count(), 1);
      await page.locator('h1').click();
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      await page.waitForSelector('.progress', { state: 'detached', timeout: 20_000 });
      assert.equal(await page.locator('.plot canvas').count(), 1);
    },
  },
  {
    name: 'states: a server that goes away: a banner, grey but not blank, and back by itself',
    async run({ browser }) {
      const program = await Program.start('demo', '--seed', '42', '--history', '1m');
      const page = await open(browser);
      try {
        await program.ready({ history: false });
        await page.goto(program.url);
        await settled(page, '/');
        const tiles = await page.locator('.funnel').innerText();
        await page.context().setOffline(true);
        // The stream that is open is cut as well.
        await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
        await page.locator('.banner').waitFor({ timeout: 60_000 });
        assert.match(await page.locator('.banner').innerText(), /No news since \d\d:\d\d:\d\d/);
        assert.equal(await page.locator('[data-stale=true]').count(), 1);
        assert.equal(await page.locator('.map canvas').count(), 1);
        assert.equal(await page.locator('.funnel').innerText(), tiles);
        await page.context().setOffline(false);
        await page.locator('.banner').waitFor({ state: 'detached', timeout: 60_000 });
      } finally {
        await program.stop();
      }
    },
  },
  {
    name: 'states: a value, "not supported" and "failed" differ in sight and in words',
    async run({ browser, program, url }) {
      const snapshot = await program.ready();
      const rows = snapshot.gpu.temp.flatMap((value, row) => (value === null ? [] : [row]));
      const [value, lacking, failing] = rows;
      // Of a real snapshot two cells are changed, as the format says it.
      snapshot.gpu.temp[lacking] = null;
      snapshot.gpu.temp[failing] = null;
      snapshot.failed = { ...snapshot.failed, 'gpu.temp': [failing] };
      const page = await open(browser, { width: 1600, height: 2600 });
      await freeze(page, snapshot);
      await page.goto(new URL('?view=table', url).href);
      await settled(page, '/');
      const cell = async (row) => {
        const name = `${snapshot.dict.node[snapshot.gpu.node[row]]}/${snapshot.gpu.index[row]}`;
        const line = page.locator('tbody tr').filter({ has: page.getByRole('link', { name, exact: true }) });
        const head = await page.locator('thead th').allInnerTexts();
        const at = head.findIndex((text) => /°C|temp/i.test(text));
        const found = line.locator('th, td').nth(at);
        return { text: (await found.textContent()).trim(), visible: (await found.innerText()).trim().charAt(0), title: await found.locator('[title]').count() };
      };
      const [a, b, c] = [await cell(value), await cell(lacking), await cell(failing)];
      assert.match(a.text, /^\d+/);
      assert.match(b.text, /^—.*not supported/i);
      assert.match(c.text, /^!.*failed/i);
    },
  },
];
