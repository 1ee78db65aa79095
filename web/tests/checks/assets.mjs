/** Bytes and headers of what the program sends, seen on the wire. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { open, settled } from '../browser.mjs';

/** Compressed with gzip, in KB. */
const FIRST_KB = 90;
const EDITOR_KB = 165;
const ALL_KB = 300;

/** A response as it is, not inflated. */
function get(url, headers = {}) {
  return new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    }).on('error', reject).end();
  });
}

/** Files that a page fetches, without the API. */
async function filesOf(browser, url, path) {
  const page = await open(browser);
  await page.goto(new URL(path.slice(1), url).href);
  await settled(page, path);
  const names = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name));
  return [...new Set([url, ...names.filter((name) => !name.includes('/api/'))])];
}

async function size(url) {
  const { body, status } = await get(url, { 'accept-encoding': 'gzip' });
  assert.equal(status, 200, url);
  return body.length / 1024;
}

async function total(files) {
  let sum = 0;
  for (const file of files) sum += await size(file);
  return sum;
}

export default [
  {
    name: 'bytes: first load, editor and everything are within their limits',
    async run(world) {
      const { browser, program, url } = world;
      const snapshot = await program.api('api/v1/snapshot');
      const first = await filesOf(browser, url, '/');
      const all = new Set(first);
      for (const path of ['/sessions', `/gpus/${snapshot.gpu.uuid[0]}`, '/explore?q=up']) {
        for (const file of await filesOf(browser, url, path)) all.add(file);
      }
      // A deep link is the index again.
      const files = [...all].filter((file) => file === url || file.includes('/assets/') || /\.(js|svg)$/.test(file));
      const editors = files.filter((file) => file.includes('editor-core') && file.endsWith('.js'));
      assert.equal(editors.length, 1, 'the editor is one chunk');
      const found = { first: await total(first), editor: await total(editors), all: await total(files) };
      world.detail = Object.entries(found).map(([name, kb]) => `${name} ${kb.toFixed(1)} KB gz`).join(', ');
      assert.ok(found.first <= FIRST_KB, world.detail);
      assert.ok(found.editor <= EDITOR_KB, world.detail);
      assert.ok(found.all <= ALL_KB, world.detail);
    },
  },
  {
    name: 'assets: encodings, tags, lifetimes, and what is unknown',
    async run({ browser, url }) {
      const files = (await filesOf(browser, url, '/explore')).filter((file) => file.includes('/assets/'));
      assert.ok(files.length > 3);
      for (const file of files) {
        const plain = await get(file, { 'accept-encoding': 'identity' });
        const br = await get(file, { 'accept-encoding': 'br, gzip' });
        const gzip = await get(file, { 'accept-encoding': 'br;q=0, gzip' });
        assert.equal(plain.headers['content-encoding'], undefined, file);
        assert.equal(br.headers['content-encoding'], 'br', file);
        assert.equal(gzip.headers['content-encoding'], 'gzip', file);
        assert.ok(br.body.length < plain.body.length, file);
        assert.match(br.headers['cache-control'], /max-age=31536000.*immutable/, file);
        assert.match(br.headers.vary, /accept-encoding/i, file);
        const again = await get(file, { 'if-none-match': br.headers.etag });
        assert.equal(again.status, 304, file);
      }
      assert.equal((await get(new URL('assets/none-abc.js', url))).status, 404);
      const deep = await get(new URL('gpus/node.with.dots', url));
      assert.equal(deep.status, 200);
      assert.match(deep.headers['content-type'], /text\/html/);
      assert.match(deep.headers['cache-control'], /no-cache/);
      assert.equal((await get(new URL('api/v1/none', url))).status, 404);
    },
  },
];
