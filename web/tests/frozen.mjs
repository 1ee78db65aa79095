/** A page whose live data stand still: one real snapshot of the program, perhaps with a change, and no stream. */

export async function freeze(page, snapshot) {
  const headers = { etag: '"frozen"' };
  await page.route('**/api/v1/snapshot*', (route) => route.fulfill({ json: snapshot, headers }));
  await page.route('**/api/v1/stream*', (route) => route.abort());
  // A stream that is refused is an error on the console, here a wanted one.
  const push = page.faults.push.bind(page.faults);
  page.faults.push = (...faults) => push(...faults.filter((fault) => !fault.includes('ERR_FAILED')));
}
