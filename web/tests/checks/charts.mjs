/** Charts: cursors together, zoom by dragging, gaps as gaps, axis, table, theme. */
import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';

async function gpuPage(browser, program, url) {
  const snapshot = await program.ready();
  const row = snapshot.gpu.util.findIndex((value, at) => value !== null && snapshot.gpu.sm[at] !== null);
  const page = await open(browser);
  const path = `/gpus/${snapshot.gpu.uuid[row]}?from=now-30m`;
  await page.goto(new URL(path.slice(1), url).href);
  await settled(page, path);
  return page;
}

export default [
  {
    name: 'charts: cursors move together; the list under them says value, unit, source and age',
    async run({ browser, program, url }) {
      const page = await gpuPage(browser, program, url);
      const plots = page.locator('.chart .plot');
      assert.ok((await plots.count()) >= 4);
      const over = plots.nth(0).locator('.u-over');
      const box = await over.boundingBox();
      await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
      const tips = page.locator('.chart-tip:visible');
      await tips.first().waitFor();
      assert.ok((await tips.count()) >= 4, `${await tips.count()} cursors`);
      const heads = new Set(await page.locator('.chart-tip:visible > p:first-child').allInnerTexts());
      assert.equal(heads.size, 1, [...heads].join(' | '));
      assert.match([...heads][0], /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} KST · \d+(m|s|h\d+) ago$/);
      const text = await page.locator('.chart-tip:visible').first().innerText();
      assert.match(text, /%/);
    },
  },
  {
    name: 'charts: dragging chooses the range, in the address',
    async run({ browser, program, url }) {
      const page = await gpuPage(browser, program, url);
      const box = await page.locator('.chart .u-over').first().boundingBox();
      const y = box.y + box.height / 2;
      await page.mouse.move(box.x + box.width * 0.3, y);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.7, y, { steps: 5 });
      await page.mouse.up();
      await page.waitForURL(/from=2026-01-15T.*to=2026-01-15T/);
      const query = new URL(page.url()).searchParams;
      const span = (Date.parse(query.get('to')) - Date.parse(query.get('from'))) / 60_000;
      assert.ok(span > 8 && span < 16, `${span} minutes of 30`);
    },
  },
  {
    name: 'charts: a summary for who does not see, the values as a table, an axis that fits, both themes',
    async run({ browser, program, url }) {
      const page = await gpuPage(browser, program, url);
      const chart = page.locator('.chart').filter({ has: page.locator('.plot') }).first();
      const said = await chart.getByRole('img').getAttribute('aria-label');
      assert.match(said, /\d+\s%/);
      const pixels = () => chart.locator('canvas').evaluate((canvas) => canvas.toDataURL());
      const zero = await pixels();
      await chart.getByRole('button', { name: /Fit the axis/ }).click();
      await page.waitForTimeout(100);
      const fit = await pixels();
      assert.notEqual(fit, zero);
      await page.keyboard.press('t');
      await page.waitForTimeout(100);
      assert.notEqual(await pixels(), fit);
      await chart.getByRole('button', { name: /Values as a table/ }).click();
      assert.ok((await chart.locator('.values tbody tr').count()) > 5);
    },
  },
  {
    name: 'charts: a gap in the samples is a gap in the line',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await open(browser);
      // Nothing for half of the range: the expression itself makes the gap.
      const query = 'vector(5) and on () (vector(time() % 1800) > 900)';
      await page.goto(new URL(`explore?q=${encodeURIComponent(query)}&from=now-1h`, url).href);
      await settled(page, '/explore?q=');
      await page.getByRole('button', { name: /Values as a table/ }).click();
      // Columns of the plot's pixels that hold the line's colour.
      const covered = await page.evaluate(() => {
        const canvas = document.querySelector('.plot canvas');
        const { width, height } = canvas;
        const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
        const [r, g, b] = [0x56, 0xb4, 0xe9];
        let columns = 0;
        for (let x = 0; x < width; x += 1) {
          for (let y = 0; y < height; y += 1) {
            const at = (y * width + x) * 4;
            if (Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 30) {
              columns += 1;
              break;
            }
          }
        }
        return columns / width;
      });
      assert.ok(covered > 0.3 && covered < 0.65, `the line covers ${(covered * 100).toFixed(0)} % of the width`);
    },
  },
];
