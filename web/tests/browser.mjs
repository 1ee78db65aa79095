/** Chromium, and pages that remember everything that went wrong on them. */
import { chromium } from 'playwright-core';

const PROGRAM = process.env['GPULSE_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
/** What an unpacked Chromium needs: GPULSE_TEST_CHROMIUM_LD_LIBRARY_PATH and the like. */
const PREFIX = 'GPULSE_TEST_CHROMIUM_';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

export async function launch() {
  const own = Object.entries(process.env).filter(([name]) => name.startsWith(PREFIX));
  const env = { ...process.env, ...Object.fromEntries(own.map(([name, value]) => [name.slice(PREFIX.length), value])) };
  return chromium.launch({ executablePath: PROGRAM, args: FLAGS, env });
}

/** A page of its own profile. Its `faults` collect console errors, page errors, CSP reports and foreign requests. */
export async function open(browser, { theme = 'dark', language = 'en', width = 1280, height = 800, zone = 'Asia/Seoul', ...more } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale: language === 'ko' ? 'ko-KR' : 'en-US',
    timezoneId: zone,
    ...more,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.faults = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') page.faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => page.faults.push(`page error: ${error.message}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  return page;
}

/** Notes every request that leaves this origin. */
export function watchOrigin(page, url) {
  const { origin } = new URL(url);
  page.on('request', (request) => {
    const to = request.url();
    if (!to.startsWith(origin) && !to.startsWith('data:') && !to.startsWith('blob:')) page.faults.push(`foreign request: ${to}`);
  });
}

/** CPU seconds of the page's main thread since the first call, and its heap in MB, by the browser's own count. */
export async function cost(page) {
  page.devtools ??= await page.context().newCDPSession(page);
  if (!page.measured) {
    await page.devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    page.measured = true;
  }
  const { metrics } = await page.devtools.send('Performance.getMetrics');
  const of = (name) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return {
    task: of('TaskDuration'), script: of('ScriptDuration'), heap: of('JSHeapUsedSize') / 1e6,
    nodes: of('Nodes'), listeners: of('JSEventListeners'),
  };
}

/** Frees what nothing holds. */
export async function collect(page) {
  page.devtools ??= await page.context().newCDPSession(page);
  for (let turn = 0; turn < 2; turn += 1) await page.devtools.send('HeapProfiler.collectGarbage');
}

/** Waits until the page shows what it is for, or what `or` selects. */
export async function settled(page, path, or = '') {
  const what = path.startsWith('/explore') ? '.editor .cm-content, .plain-editor'
    : path.startsWith('/sessions') ? '.table-box tbody tr, .none, .empty'
    : path.startsWith('/gpus') ? '.chart .plot canvas, .none, .plain'
    : '.map canvas, .table-box tbody tr, .empty';
  // Locators: a handle of an element would keep it from being freed.
  const attached = (selector) => page.locator(selector).first().waitFor({ state: 'attached' });
  await attached(or === '' ? what : `${what}, ${or}`);
  if (path.startsWith('/explore') && path.includes('q=')) {
    await attached('.result [role=tabpanel] > *, .banner');
  }
  // Where data never came the progress line stays, and so does the reason.
  if (or !== '' && (await page.locator(or).count()) > 0) return;
  await page.locator('.progress').waitFor({ state: 'detached' });
}
