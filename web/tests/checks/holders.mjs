/** Who holds a GPU and what is found there: sessions, the GPU's page and the overview agree with the API. */
import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';

async function ask(program, query) {
  const { data } = await program.api(`api/v1/query?query=${encodeURIComponent(query)}`);
  return data.result.map(({ metric }) => metric);
}

export default [
  {
    name: 'holders: every session names its namespace, pod, container, job and user as the API does',
    async run({ browser, program, url }) {
      await program.ready();
      const page = await open(browser, { width: 1920, height: 2600 });
      await page.goto(new URL('sessions', url).href);
      await settled(page, '/sessions');
      const heads = await page.locator('thead th').allInnerTexts();
      const at = (name) => heads.findIndex((head) => head.startsWith(name));
      const [pid, namespace, pod, container, job, user] = ['PID', 'Namespace', 'Pod', 'Container', 'Slurm job', 'User'].map(at);
      const rows = await page.locator('tbody tr:not(.gap)').evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
      assert.ok(rows.length > 10, `${rows.length} rows`);
      const infos = await ask(program, 'gpu_session_info');
      const or = (text) => text || '–';
      let compared = 0;
      for (const row of rows) {
        // A PID is one process on its machine; the GPU's name begins with the machine.
        const info = infos.find((each) => each.pid === row[pid] && row[0].startsWith(`${each.Hostname}/`));
        if (info === undefined) continue;
        const names = [info.exported_namespace, info.exported_pod, info.exported_container, info.user].map(or);
        assert.deepEqual([row[namespace], row[pod], row[container], row[user]], names);
        if (job >= 0) assert.equal(row[job], or(info.slurm_job));
        compared += 1;
      }
      assert.ok(compared > 10, `${compared} compared`);
    },
  },
  {
    name: 'holders: a GPU that is held without a process says by whom, since when and what to do',
    async run({ browser, program, url }) {
      await program.ready();
      const query = 'gpu_allocation_info and on (allocation, instance) gpu_allocation_finding{finding="no_process"}';
      const [info] = await ask(program, query);
      assert.ok(info !== undefined, 'the fleet has none');
      for (const [language, words] of [['en', ['Held by', 'No process', 'delete the pod or job']], ['ko', ['할당 현황', '프로세스 없음', '파드나 작업을 삭제']]]) {
        const page = await open(browser, { language });
        await page.goto(new URL(`gpus/${info.UUID}?from=now-30m`, url).href);
        const panel = page.locator('.holding');
        await panel.waitFor();
        const text = await panel.innerText();
        for (const word of [...words, `${info.exported_namespace}/${info.exported_pod}`, info.resource]) assert.ok(text.includes(word), text);
        assert.deepEqual(page.faults, []);
      }
    },
  },
  {
    name: 'holders: findings stand in what needs attention, lead to their GPU, and sessions can be filtered by them',
    async run({ browser, program, url }) {
      await program.ready();
      const [found] = await ask(program, 'gpu_session_info and on (session, instance) gpu_session_finding{finding="zombie"}');
      assert.ok(found !== undefined, 'the fleet has none');
      const page = await open(browser);
      await page.goto(url);
      await settled(page, '/');
      const all = page.getByRole('button', { name: /Show all/ });
      if ((await all.count()) > 0) await all.click();
      const line = page.locator('.attention li').filter({ hasText: 'Dead process' });
      assert.equal(await line.getByRole('link').innerText(), `${found.Hostname}/${found.gpu}`);
      await page.goto(new URL('sessions?q=finding:zombie', url).href);
      await settled(page, '/sessions');
      const row = page.locator('tbody tr').filter({ hasText: found.pid });
      assert.match(await row.innerText(), /Dead process/);
      await row.getByRole('link').click();
      await page.locator('.holding').waitFor();
      assert.match(await page.locator('.holding').innerText(), /Dead process.*End its parent/s);
    },
  },
];
