/** All pages in every look: nothing wrong behind them, nothing cut off, nothing that shifts. */
import assert from 'node:assert/strict';
import { open, settled, watchOrigin } from '../browser.mjs';
import { lookName, LOOKS, pagesOf } from '../pages.mjs';

const WIDTHS = [360, 768, 1280, 1920];
const SHIFT = 0.02;

/** Opens every page in turn in one profile. */
async function each(browser, url, look, pages, see) {
  const page = await open(browser, look);
  watchOrigin(page, url);
  for (const [name, path] of pages) {
    await page.goto(new URL(path.slice(1), url).href);
    if (name !== 'no such page') await settled(page, path);
    await see(page, name);
  }
  await page.context().close();
  return page.faults;
}

export default [
  {
    name: 'all pages: no error, no report of the content policy, no request elsewhere',
    async run({ browser, program, url }) {
      const pages = pagesOf(await program.ready());
      for (const look of LOOKS) {
        const faults = await each(browser, url, look, pages, async () => {});
        assert.deepEqual(faults, [], lookName(look));
      }
    },
  },
  {
    name: 'all pages: no sideways scroll at any width; buttons and heads are whole',
    async run({ browser, program, url }) {
      const pages = pagesOf(await program.ready());
      const wrong = [];
      for (const language of ['en', 'ko']) {
        for (const width of WIDTHS) {
          await each(browser, url, { language, width }, pages, async (page, name) => {
            const found = await page.evaluate(overflow);
            wrong.push(...found.map((text) => `${name}, ${language} ${width}: ${text}`));
          });
        }
      }
      assert.deepEqual(wrong.slice(0, 8), []);
    },
  },
  {
    name: 'all pages: layout shifts by no more than 0.02, and no spinner is the largest paint',
    async run({ browser, program, url }) {
      const pages = pagesOf(await program.ready());
      const wrong = [];
      for (const [name, path] of pages) {
        const page = await open(browser);
        await page.addInitScript(observeShift);
        await page.goto(new URL(path.slice(1), url).href);
        if (name !== 'no such page') await settled(page, path);
        await page.waitForTimeout(300);
        const { shift, largest } = await page.evaluate(() => globalThis.seen);
        if (shift > SHIFT) wrong.push(`${name}: ${shift.toFixed(3)}`);
        if (/progress|skeleton/.test(largest)) wrong.push(`${name}: ${largest}`);
        await page.context().close();
      }
      assert.deepEqual(wrong, []);
    },
  },
  {
    name: 'theme: follows the system, a choice is kept, the first frame has its ground',
    async run({ browser, url }) {
      const page = await open(browser, { theme: 'light' });
      // Before any of the page's own code runs, boot.js has set the theme.
      await page.addInitScript(() => {
        document.addEventListener('readystatechange', () => {
          globalThis.grounds = [...(globalThis.grounds ?? []), getComputedStyle(document.documentElement).backgroundColor];
        });
      });
      await page.goto(url);
      const light = 'rgb(246, 247, 249)';
      const dark = 'rgb(15, 18, 22)';
      const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      assert.deepEqual(new Set(await page.evaluate(() => globalThis.grounds)), new Set([light]));
      await page.waitForSelector('.map canvas');
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.waitForFunction((want) => getComputedStyle(document.documentElement).backgroundColor === want, dark);
      await page.keyboard.press('t');
      assert.equal(await ground(), light);
      await page.reload();
      assert.equal(await ground(), light);
    },
  },
  {
    name: 'reduced motion: nothing moves; forced colours: the focus is seen',
    async run({ browser, program, url }) {
      const pages = pagesOf(await program.ready());
      await each(browser, url, { reducedMotion: 'reduce', forcedColors: 'active' }, pages, async (page, name) => {
        const moving = await page.evaluate(() => {
          // The progress line, had it been there now.
          const line = document.createElement('div');
          line.className = 'progress';
          document.body.append(line);
          const running = document.getAnimations().filter((each) => each.playState === 'running').length;
          line.remove();
          return running;
        });
        assert.equal(moving, 0, `${name}: ${moving} animations`);
        await page.keyboard.press('Tab');
        await page.keyboard.press('Tab');
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(outline, 'none', name);
      });
    },
  },
];

/** Runs in the page: what is wider than its place. */
function overflow() {
  const found = [];
  const root = document.scrollingElement;
  if (root.scrollWidth > window.innerWidth) found.push(`the page is ${root.scrollWidth} px wide`);
  for (const element of document.querySelectorAll('button, thead th, nav a, .field span, h1, h2')) {
    const style = getComputedStyle(element);
    if (element.clientWidth === 0 || style.display === 'inline' || element.closest('.visually-hidden, tbody, .queries')) continue;
    // Names of things may be cut with dots; words of the interface may not.
    if (element.scrollWidth > element.clientWidth + 1) found.push(`"${element.textContent.slice(0, 40)}" is cut off`);
  }
  return found;
}

/** Runs in the page, before its code. */
function observeShift() {
  globalThis.seen = { shift: 0, largest: '' };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.seen.shift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) globalThis.seen.largest = `${entry.element?.tagName} ${entry.element?.className}`;
  }).observe({ type: 'largest-contentful-paint', buffered: true });
}
