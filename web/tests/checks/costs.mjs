/** What the pages cost, in CPU time of the browser's main thread and in memory, with 1,000 and 10,000 GPUs. */
import assert from 'node:assert/strict';
import { collect, cost, open, settled } from '../browser.mjs';
import { isRelease, Program } from '../program.mjs';

const LOAD_MS = 600;
const TICK_MS = { 1000: 16, 10_000: 60 };
const HEAP_MB = 40;
/** Longest single task of the page, in CPU ms, while 10,000 series come. */
const TASK_MS = 200;

/** How long ticks are watched, in s, and how often they come. */
const WATCHED_S = 40;
const TICK_S = 5;

async function fleet(nodes) {
  const program = await Program.start('demo', '--seed', '42', '--nodes', String(nodes), '--history', '2m');
  await program.ready({ history: false });
  return program;
}

/** CPU ms of a tick, over some time in which nobody asks the page anything. */
async function tickCost(page) {
  const clock = () => page.locator('.livemark time').innerText();
  await page.waitForTimeout(2 * TICK_S * 1000);
  const [first, before] = [await clock(), await cost(page)];
  await page.waitForTimeout(WATCHED_S * 1000);
  const [after, last] = [await cost(page), await clock()];
  const ticks = ((seconds(last) - seconds(first) + 86_400) % 86_400) / TICK_S;
  assert.ok(ticks >= WATCHED_S / TICK_S - 3, `only ${ticks} ticks came in ${WATCHED_S} s`);
  return ((after.task - before.task) / ticks) * 1000;
}

function seconds(text) {
  const [h, m, s] = text.split(':').map(Number);
  return h * 3600 + m * 60 + s;
}

export default [
  {
    name: 'cost: 1,000 GPUs: load, tick and heap',
    async run(world) {
      if (!isRelease) world.skip('needs --release: costs are those of the optimised program');
      const program = await fleet(125);
      try {
        const page = await open(world.browser);
        await cost(page);
        await page.goto(program.url);
        await settled(page, '/');
        const load = (await cost(page)).task * 1000;
        const tick = await tickCost(page);
        await collect(page);
        const { heap } = await cost(page);
        world.detail = `load ${load.toFixed(0)} ms, tick ${tick.toFixed(1)} ms, heap ${heap.toFixed(1)} MB`;
        assert.ok(load <= LOAD_MS && tick <= TICK_MS[1000] && heap <= HEAP_MB, world.detail);
      } finally {
        await program.stop();
      }
    },
  },
  {
    name: 'cost: 10,000 GPUs and as many series: tick, heap, longest task, and the limit is said',
    async run(world) {
      if (!isRelease) world.skip('needs --release: a program without optimisation does not keep up with 10,000 GPUs');
      const program = await fleet(1250);
      try {
        const page = await open(world.browser);
        await page.goto(program.url);
        await settled(page, '/');
        const tick = await tickCost(page);
        await collect(page);
        const { heap } = await cost(page);
        const longest = await exploreCost(world.browser, page, program.url);
        world.detail = `tick ${tick.toFixed(1)} ms, heap ${heap.toFixed(1)} MB, longest task ${longest.toFixed(0)} ms`;
        assert.ok(tick <= TICK_MS[10_000] && heap <= HEAP_MB && longest <= TASK_MS, world.detail);
      } finally {
        await program.stop();
      }
    },
  },
  {
    name: 'cost: pages that are left leave nothing behind',
    async run(world) {
      if (!isRelease) world.skip('needs --release: costs are those of the optimised program');
      await world.program.ready();
      const page = await open(world.browser);
      await page.goto(world.url);
      await settled(page, '/');
      const round = async () => {
        for (const path of ['/explore?q=DCGM_FI_DEV_GPU_UTIL&from=now-30m', '/sessions', '/']) {
          await page.evaluate(follow, path);
          await page.waitForURL((to) => to.pathname === path.split('?')[0]);
          await settled(page, path);
        }
      };
      const count = async () => {
        await collect(page);
        return cost(page);
      };
      await round();
      await round();
      const before = await count();
      for (let turn = 0; turn < 5; turn += 1) await round();
      const after = await count();
      world.detail = `heap ${before.heap.toFixed(1)} to ${after.heap.toFixed(1)} MB, nodes ${before.nodes} to ${after.nodes}, listeners ${before.listeners} to ${after.listeners}`;
      assert.ok(after.heap - before.heap < 1.5, world.detail);
      assert.ok(after.nodes - before.nodes < 200 && after.listeners - before.listeners < 20, world.detail);
      assert.deepEqual(page.faults, []);
    },
  },
];

/** CPU ms of the longest task of the main thread while Explore draws and lists 10,000 series. */
async function exploreCost(browser, page, url) {
  await page.goto(new URL('explore', url).href);
  await settled(page, '/explore');
  await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline', '__metadata'] });
  for (const tab of ['graph', 'table']) {
    const path = `/explore?q=DCGM_FI_DEV_FB_TOTAL&tab=${tab}&from=now-5m`;
    await page.evaluate(follow, path);
    await page.locator(tab === 'graph' ? '.plot canvas' : '.table-box tbody tr').first().waitFor({ timeout: 60_000 });
    await page.waitForTimeout(1000);
    assert.match(await page.locator('.meta').innerText(), tab === 'graph' ? /more than 200 series/ : /[\d,]+ series/);
  }
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const mains = new Set(traceEvents.filter((event) => event.args?.name === 'CrRendererMain').map((event) => `${event.pid}/${event.tid}`));
  const tasks = traceEvents.filter((event) => /RunTask$/.test(event.name) && event.tdur !== undefined && mains.has(`${event.pid}/${event.tid}`));
  assert.ok(tasks.length > 10, 'no tasks were traced');
  return Math.max(...tasks.map((event) => event.tdur)) / 1000;
}

/** Runs in the page: a step of the app, as a click on a link makes it. */
function follow(to) {
  const link = document.createElement('a');
  link.href = to;
  document.body.append(link);
  link.click();
  link.remove();
}
