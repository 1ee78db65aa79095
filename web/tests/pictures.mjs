/** The pictures of the README, taken from the program into the folder of the first argument: `node tests/pictures.mjs docs/img`. */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { launch, open, settled } from './browser.mjs';
import { FLEET, Program } from './program.mjs';

/** A README loads all of them. */
const MOST_BYTES = 300_000;

const folder = process.argv[2];
if (folder === undefined) throw new Error('where to? node tests/pictures.mjs FOLDER');
await mkdir(folder, { recursive: true });
const program = await Program.start(...FLEET);
const browser = await launch();
try {
  const snapshot = await program.ready();
  const busy = snapshot.gpu.sm.findIndex((value, row) => value !== null && value > 0.5 && snapshot.gpu.slices[row] === null);
  const query = 'avg by (Hostname) (DCGM_FI_DEV_GPU_UTIL)';
  const views = [
    ['overview-dark', '/', { theme: 'dark' }],
    ['sessions-light', '/sessions', { theme: 'light', width: 1520, height: 640 }],
    ['gpu-dark', `/gpus/${snapshot.gpu.uuid[busy]}?from=now-2h`, { theme: 'dark', height: 900 }],
    ['explore-light', `/explore?q=${encodeURIComponent(query)}&from=now-2h`, { theme: 'light', height: 760 }],
    ['overview-ko', '/', { theme: 'light', language: 'ko' }],
  ];
  for (const [name, path, look] of views) {
    const page = await open(browser, { width: 1280, height: 760, ...look });
    await page.goto(new URL(path.slice(1), program.url).href);
    await settled(page, path);
    await page.waitForTimeout(500);
    const at = join(folder, `${name}.png`);
    await page.screenshot({ path: at });
    const { size } = await stat(at);
    console.log(`${at}: ${Math.round(size / 1000)} KB`);
    if (size > MOST_BYTES) throw new Error(`${at} is larger than ${MOST_BYTES / 1000} KB`);
    await page.context().close();
  }
} finally {
  await browser.close();
  await program.stop();
}
