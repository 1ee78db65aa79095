/** What the pages cost, in CPU time of the browser's main thread and in memory, with 1,000 and 10,000 GPUs. */
import assert from 'node:assert/strict';
import { collect, cost, open, settled } from '../browser.mjs';
import { isRelease, Program } from '../program.mjs';

const LOAD_MS = 600;
const TICK_MS = { 1000: 16, 10_000: 60 };
const HEAP_MB = 40;
/** Longest single task of the page, in CPU ms, while 10,000 series come. */
const TASK_MS = 200;

/** Ticks whose cost is taken. */
const TICKS = 6;

async function fleet(nodes) {
  const program = await Program.start('demo', '--seed', '42', '--nodes', String(nodes), '--history', '2m');
  await program.ready({ history: false });
  return program;
}

/** CPU ms of each tick, from readings before and after a few of them. */
async function tickCost(page) {
  const clock = () => page.locator('.livemark time').innerText();
  let last = await clock();
  const next = async () => {
    await page.waitForFunction((before) => document.querySelector('.livemark time').innerText !== before, last, { timeout: 60_000, polling: 500 });
    last = await clock();
  };
  await next();
  const before = await cost(page);
  for (let tick = 0; tick < TICKS; tick += 1) await next();
  await page.waitForTimeout(500);
  const after = await cost(page);
  return ((after.task - before.task) / TICKS) * 1000;
}

export default [
  {
    name: 'cost: 1,000 GPUs: load, tick and heap',
    async run(world) {
      const program = await fleet(125);
      try {
        const page = await open(world.browser);
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
        const longest = await exploreCost(page, program.url);
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
      await world.program.ready();
      const page = await open(world.browser);
      await page.goto(world.url);
      await settled(page, '/');
      const round = async () => {
        for (const path of ['/explore?q=DCGM_FI_DEV_GPU_UTIL&from=now-30m', '/sessions', '/']) {
          await page.evaluate((to) => {
            const link = document.createElement('a');
            link.href = to;
            document.body.append(link);
            link.click();
            link.remove();
          }, path);
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

/** CPU ms of the longest task while Explore draws and lists 10,000 series. */
async function exploreCost(page, url) {
  await page.goto(new URL('explore', url).href);
  await settled(page, '/explore');
  const client = page.devtools;
  const events = [];
  client.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  await client.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', 'devtools.timeline'] } }).catch(() => {});
  for (const tab of ['graph', 'table']) {
    await page.evaluate(([q, view]) => {
      const link = document.createElement('a');
      link.href = `/explore?q=${q}&tab=${view}&from=now-5m`;
      document.body.append(link);
      link.click();
      link.remove();
    }, ['DCGM_FI_DEV_FB_TOTAL', tab]);
    await page.waitForSelector(tab === 'graph' ? '.plot canvas' : '.table-box tbody tr', { timeout: 60_000 });
    await page.waitForTimeout(1000);
    assert.match(await page.locator('.meta').innerText(), tab === 'graph' ? /more than 200 series/ : /[\d,]+ series/);
  }
  const done = new Promise((resolve) => client.once('Tracing.tracingComplete', resolve));
  await client.send('Tracing.end');
  await done;
  const tasks = events.filter((event) => event.name === 'RunTask' && event.tdur !== undefined);
  assert.ok(tasks.length > 10, 'no tasks were traced');
  return Math.max(...tasks.map((event) => event.tdur)) / 1000;
}
