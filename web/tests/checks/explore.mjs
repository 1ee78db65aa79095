/** Explore: completion, the place of an error, run, chart, table, JSON, history, cancelled questions. */
import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';

const MOST_DRAWN = 20;

async function explore(browser, url, path = 'explore', look = {}) {
  const page = await open(browser, look);
  await page.goto(new URL(path, url).href);
  await settled(page, `/${path}`);
  return page;
}

/** Writes into the editor what a person would. */
async function write(page, text) {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.type(text, { delay: 5 });
}

export default [
  {
    name: 'explore: names are completed from the server, and Enter takes one before it runs',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await explore(browser, url);
      await write(page, 'DCGM_FI_DEV_GPU_U');
      const list = page.locator('.cm-tooltip-autocomplete');
      await list.getByText('DCGM_FI_DEV_GPU_UTIL').waitFor();
      const look = await list.evaluate((element) => getComputedStyle(element).backgroundColor);
      assert.notEqual(look, 'rgba(0, 0, 0, 0)', 'the list has no style: the content policy?');
      await page.waitForTimeout(150);
      await page.keyboard.press('Enter');
      await list.waitFor({ state: 'detached' });
      assert.equal(new URL(page.url()).searchParams.get('q'), null, 'ran too early');
      await page.keyboard.type('{Hostname="h100', { delay: 5 });
      await list.getByText('h100-01').waitFor();
      await page.keyboard.press('Escape');
      await page.keyboard.type('-01', { delay: 5 });
      await page.keyboard.press('Escape');
      await page.keyboard.press('Enter');
      await page.waitForURL(/[?&]q=/);
      await page.waitForSelector('.plot canvas');
      assert.deepEqual(page.faults.filter((fault) => !fault.includes('400')), []);
    },
  },
  {
    name: 'explore: an error stands where the server sees it; Alt-Enter only begins a line',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await explore(browser, url);
      await write(page, 'sum(up) +');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Alt+Enter');
      await page.keyboard.type('foo bar');
      await page.keyboard.press('Escape');
      await page.locator('.cm-lintRange-error').waitFor();
      assert.equal(await page.locator('.cm-lintRange-error').innerText(), 'bar');
      assert.equal(await page.locator('.cm-line').count(), 2);
      await page.getByRole('button', { name: 'Run' }).click();
      await page.getByRole('alert').waitFor();
      assert.match(await page.getByRole('alert').innerText(), /line 2, column 5: unexpected "bar"/);
    },
  },
  {
    name: 'explore: a chart of 20 lines, then all; labels of all said once; figures for each',
    async run({ browser, program, url }) {
      const snapshot = await program.ready();
      const page = await explore(browser, url, 'explore?q=DCGM_FI_DEV_FB_TOTAL&from=now-30m');
      const rows = page.locator('.legend-box tbody tr');
      assert.equal(await rows.count(), MOST_DRAWN);
      assert.match(await page.locator('.common').innerText(), /DCGM_FI_DEV_FB_TOTAL/);
      assert.match(await rows.first().innerText(), /^\s*[\w-]+\/\d+(\/gi\d+)?\s/);
      // Those of the whole range: some GPUs have gone meanwhile.
      const count = encodeURIComponent('count(last_over_time(DCGM_FI_DEV_FB_TOTAL[30m]))');
      const answer = await program.api(`api/v1/query?query=${count}&time=${encodeURIComponent(snapshot.at)}`);
      const total = Number(answer.data.result[0].value[1]);
      await page.getByRole('button', { name: /^Show all/ }).click();
      await page.waitForFunction((want) => document.querySelectorAll('.legend-box tbody tr').length === want, total);
      assert.match(page.url(), /all=1/);
    },
  },
  {
    name: 'explore: table and JSON hold the answer of the API',
    async run({ browser, program, url }) {
      await program.ready();
      const query = 'sum by (Hostname) (DCGM_FI_DEV_FB_TOTAL)';
      const page = await explore(browser, url, `explore?q=${encodeURIComponent(query)}&tab=table`);
      const shown = await page.evaluate(() =>
        [...document.querySelectorAll('.table-box tbody tr:not(.gap)')].map((row) => [...row.children].slice(0, 2).map((cell) => cell.innerText)));
      const answer = await program.api(`api/v1/query?query=${encodeURIComponent(query)}`);
      const want = answer.data.result.map(({ metric, value }) => [metric.Hostname, String(Number(value[1]))]);
      assert.deepEqual(new Map(shown), new Map(want));
      await page.getByRole('tab', { name: 'JSON' }).click();
      await page.waitForSelector('.json pre');
      assert.match(await page.locator('.json pre').innerText(), /"resultType": "matrix"/);
    },
  },
  {
    name: 'explore: a new question cancels the old one; back leads to it; both are in the history',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await explore(browser, url, 'explore?q=up');
      let held = null;
      await page.route('**/api/v1/query_range', async (route) => {
        const body = new URLSearchParams(route.request().postData());
        if (body.get('query') !== 'vector(1)') return route.continue();
        held = route;
      });
      const cancelled = page.waitForEvent('requestfailed', (request) => request.url().includes('query_range'));
      await write(page, 'vector(1)');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Enter');
      await page.waitForURL(/vector\(1\)|vector%281%29/);
      await page.waitForTimeout(200);
      assert.ok(held !== null, 'was not asked');
      await write(page, 'vector(2)');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Enter');
      assert.match((await cancelled).failure().errorText, /ABORTED/);
      await page.waitForSelector('.plot canvas');
      await page.goBack();
      await page.waitForURL(/vector\(1\)|vector%281%29/);
      assert.equal(await page.locator('.cm-content').innerText(), 'vector(1)');
      await page.getByRole('button', { name: 'History' }).click();
      const past = await page.locator('.queries code').allInnerTexts();
      assert.deepEqual(past.slice(0, 2), ['vector(2)', 'vector(1)']);
    },
  },
  {
    name: 'explore: an answer without series and one without time say so',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await explore(browser, url, 'explore?q=no_such_metric');
      assert.match(await page.locator('[role=tabpanel]').innerText(), /No series in this range/);
      await page.goto(new URL('explore?q=1%2B1&tab=table', url).href);
      await settled(page, '/explore?q=');
      assert.match(await page.locator('.table-box').innerText(), /\b2\b/);
    },
  },
];
