/** For everybody: axe on all pages with data, empty and failing; and the whole page by keyboard alone. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open, settled } from '../browser.mjs';
import { lookName, LOOKS, pagesOf } from '../pages.mjs';
import { Program } from '../program.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];

async function violations(page) {
  const found = await page.evaluate(async (values) => {
    const result = await globalThis.axe.run(document, { runOnly: { type: 'tag', values } });
    return result.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.target.join(' ')} ${nodes[0]?.failureSummary ?? ''}`);
  }, RULES);
  return found.map((text) => text.replaceAll(/\s+/g, ' ').slice(0, 260));
}

async function visit(browser, url, look, pages, wrong, prepare = async () => {}) {
  const page = await open(browser, look);
  await page.addInitScript(AXE);
  await prepare(page);
  for (const [name, path] of pages) {
    await page.goto(new URL(path.slice(1), url).href);
    // A page that says why it has nothing is not settled otherwise.
    await settled(page, path, '.banner, .empty').catch(() => wrong.push(`${name}: never settled`));
    wrong.push(...(await violations(page)).map((text) => `${name}, ${lookName(look)}: ${text}`));
  }
  await page.context().close();
}

export default [
  {
    name: 'axe: no violation on any page with data',
    async run({ browser, program, url }) {
      const pages = pagesOf(await program.ready()).filter(([name]) => name !== 'no such page');
      const wrong = [];
      for (const look of LOOKS) await visit(browser, url, look, pages, wrong);
      assert.deepEqual(wrong, []);
    },
  },
  {
    name: 'axe: no violation on any page without data',
    async run({ browser }) {
      const empty = await Program.start('server', '--data', emptyFolder());
      const pages = [['overview', '/'], ['sessions', '/sessions'], ['gpu', '/gpus/GPU-none'], ['explore', '/explore?q=up'], ['explore start', '/explore']];
      const wrong = [];
      try {
        for (const look of LOOKS) await visit(browser, empty.url, look, pages, wrong);
      } finally {
        await empty.stop();
      }
      assert.deepEqual(wrong, []);
    },
  },
  {
    name: 'axe: no violation on any page whose questions fail',
    async run({ browser, program, url }) {
      const pages = pagesOf(await program.ready()).filter(([name]) => name !== 'no such page');
      const wrong = [];
      const fail = (route) => route.fulfill({ status: 500, json: { status: 'error', errorType: 'internal', error: 'the disk is gone' } });
      await visit(browser, url, LOOKS[0], pages, wrong, (page) => page.route('**/api/v1/query*', fail));
      await visit(browser, url, LOOKS[3], pages.slice(0, 3), wrong, (page) => page.route('**/api/v1/s*', fail));
      assert.deepEqual(wrong, []);
    },
  },
  {
    name: 'keyboard: skip link, navigation, map, GPU and back to the same tile; no trap',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await open(browser);
      await page.goto(url);
      await settled(page, '/');
      const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent);
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
      await tabTo(page, '.map a.tile');
      const before = await focused();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowRight');
      const tile = await focused();
      assert.notEqual(tile, before);
      const name = tile.split(':')[0];
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/gpus\//);
      await page.getByRole('heading', { name, exact: false }).first().waitFor();
      await page.keyboard.press('Escape');
      await page.waitForURL((to) => to.pathname === '/');
      await page.waitForFunction(() => document.activeElement?.matches('.map a.tile'));
      assert.equal((await focused()).split(':')[0], name);
      await page.keyboard.press('End');
      assert.notEqual((await focused()).split(':')[0], name);
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
    },
  },
  {
    name: 'keyboard: g and a letter open every page; Tab leaves the editor',
    async run({ browser, url }) {
      const page = await open(browser);
      await page.goto(url);
      await settled(page, '/');
      for (const [key, path] of [['s', '/sessions'], ['e', '/explore'], ['o', '/']]) {
        await page.keyboard.press('g');
        await page.keyboard.press(key);
        await page.waitForURL((to) => to.pathname === path);
        await settled(page, path);
        // The editor takes the focus where there is nothing to read; letters then are text.
        if (path === '/explore') {
          await page.waitForFunction(() => document.querySelector('.editor > div')?.shadowRoot?.activeElement);
          await page.keyboard.press('Tab');
          assert.equal(await page.evaluate(() => document.activeElement.tagName), 'BUTTON');
        }
      }
      // Once round: the focus comes to the end of the page and leaves it.
      const seen = await tabThrough(page);
      assert.ok(seen > 8 && seen < 300, `${seen} stops`);
    },
  },
];

async function tabTo(page, selector) {
  for (let stop = 0; stop < 80; stop += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
  }
  throw new Error(`Tab never comes to ${selector}`);
}

/** How many stops there are until the focus leaves the page. */
async function tabThrough(page) {
  await page.evaluate(() => document.activeElement.blur());
  for (let stop = 0; stop < 300; stop += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement === document.body)) return stop;
  }
  return 300;
}

function emptyFolder() {
  return mkdtempSync(join(tmpdir(), 'gpulse-empty-'));
}
