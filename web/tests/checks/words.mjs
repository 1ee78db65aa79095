/** Zones and languages: the same instants everywhere, no word missing, no AM or PM. */
import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';
import { freeze } from '../frozen.mjs';
import { pagesOf } from '../pages.mjs';

const HOUR = 3600;

/** `14:03:07` as seconds of the day. */
function seconds(text) {
  const [h, m, s] = text.split(':').map(Number);
  return h * HOUR + m * 60 + s;
}

export default [
  {
    name: 'zone: Seoul and UTC show the same instants with their labels',
    async run({ browser, program, url }) {
      const snapshot = await program.ready();
      const seen = [];
      for (const zone of ['Asia/Seoul', 'utc']) {
        const page = await open(browser, { zone: 'America/New_York' });
        await freeze(page, snapshot);
        await page.goto(new URL(`?tz=${zone}`, url).href);
        await settled(page, '/');
        seen.push({ time: await page.locator('.livemark time').innerText(), bar: await page.locator('.topbar').innerText() });
      }
      const [seoul, utc] = seen;
      assert.ok(seoul.bar.includes('KST') && utc.bar.includes('UTC'), `${seoul.bar} | ${utc.bar}`);
      const ahead = (seconds(seoul.time) - seconds(utc.time) + 24 * HOUR) % (24 * HOUR);
      assert.equal(ahead, 9 * HOUR, `${seoul.time} and ${utc.time}`);
    },
  },
  {
    name: 'zone: z toggles local time and UTC, and the chart follows',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await open(browser);
      await page.goto(new URL('explore?q=DCGM_FI_DEV_GPU_UTIL&from=now-30m', url).href);
      await settled(page, '/explore?q=');
      await page.getByRole('button', { name: /Values as a table/ }).click();
      const first = () => page.locator('.values tbody th').first().innerText();
      const local = await first();
      await page.locator('h1').click();
      await page.keyboard.press('z');
      const utc = await first();
      const ahead = (Date.parse(`${local.replace(' ', 'T')}Z`) - Date.parse(`${utc.replace(' ', 'T')}Z`)) / 1000;
      assert.equal(ahead, 9 * HOUR, `${local} and ${utc}`);
    },
  },
  {
    name: 'languages: every word is there in both, html lang follows, no AM or PM',
    async run({ browser, program, url }) {
      const pages = pagesOf(await program.ready());
      for (const language of ['en', 'ko']) {
        const page = await open(browser, { language });
        for (const [name, path] of pages) {
          await page.goto(new URL(path.slice(1), url).href);
          if (name !== 'no such page') await settled(page, path);
          assert.equal(await page.evaluate(() => document.documentElement.lang), language);
          const text = await page.locator('body').innerText();
          assert.doesNotMatch(text, /\b(undefined|NaN|Invalid Date|\[object)\b/, `${name} ${language}`);
          // A raw variable of a template, or a key; braces of PromQL hold an equals sign.
          if (!name.startsWith('explore')) assert.doesNotMatch(text, /\{\w+\}/, `${name} ${language}`);
          assert.doesNotMatch(text, /\b\d{1,2}:\d{2}\s?(AM|PM)\b|오전|오후/, `${name} ${language}`);
          if (language === 'ko') assert.match(text, /[가-힣]{2}/, name);
          else assert.doesNotMatch(text.replace('한', ''), /[가-힣]/, name);
        }
      }
    },
  },
  {
    name: 'languages: the switch changes the page at once and is kept',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await open(browser);
      await page.goto(url);
      await settled(page, '/');
      await page.getByRole('button', { name: '한국어' }).click();
      await page.getByRole('link', { name: '세션', exact: true }).waitFor();
      await page.reload();
      await page.getByRole('link', { name: '세션', exact: true }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
    },
  },
];
