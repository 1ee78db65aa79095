import { expect, test } from 'vitest';
import { columnOf } from './columns-of';
import { spansOf, stripsOf } from './spans';

const TIMES = [100, 110, 120, 130, 140];
const NONE = { times: TIMES, series: [] };

test('a session that pauses for more than a step is two bars, and the newest goes on', () => {
  const sessions = { times: TIMES, series: [{ labels: { session: 'a' }, values: [1, null, null, 1, 1] }] };
  const spans = spansOf(sessions, NONE, 10);
  expect(spans.map(({ from, to, goesOn }) => ({ from, to, goesOn }))).toEqual([
    { from: 100, to: 110, goesOn: false },
    { from: 130, to: 140, goesOn: true },
  ]);
});

test('idle parts belong to the bar they lie in', () => {
  const sessions = { times: TIMES, series: [{ labels: { session: 'a' }, values: [1, 1, 1, 1, 1] }] };
  const states = {
    times: TIMES,
    series: [
      { labels: { session: 'a', state: 'idle' }, values: [null, 1, 1, null, null] },
      { labels: { session: 'b', state: 'idle' }, values: [1, 1, 1, 1, 1] },
    ],
  };
  expect(spansOf(sessions, states, 10)[0]?.idle).toEqual([{ from: 110, to: 130 }]);
});

test('bars at the same time take lanes of their own', () => {
  const sessions = {
    times: TIMES,
    series: [
      { labels: { session: 'a', gi: '1' }, values: [1, 1, 1, null, null] },
      { labels: { session: 'b', gi: '1' }, values: [null, 1, 1, 1, 1] },
      { labels: { session: 'c', gi: '1' }, values: [null, null, null, null, 1] },
      { labels: { session: 'd', gi: '2' }, values: [1, 1, 1, 1, 1] },
    ],
  };
  const strips = stripsOf(spansOf(sessions, NONE, 10), (span) => span.labels['gi'] ?? '');
  expect(strips.map((strip) => strip.lanes.map((lane) => lane.map((span) => span.session)))).toEqual([
    [['a', 'c'], ['b']],
    [['d']],
  ]);
});

test('readings of the board count once, memory of instances adds up', () => {
  const series = (name: string, value: number) => ({ labels: { __name__: name }, values: [value] });
  const answer = {
    times: [100],
    series: [
      series('DCGM_FI_DEV_POWER_USAGE', 300), series('DCGM_FI_DEV_POWER_USAGE', 300),
      series('DCGM_FI_DEV_FB_USED', 10), series('DCGM_FI_DEV_FB_USED', 20),
    ],
  };
  expect(columnOf(answer, { metric: 'DCGM_FI_DEV_POWER_USAGE', name: 'linePower', times: 1 })).toEqual([300]);
  expect(columnOf(answer, { metric: 'DCGM_FI_DEV_FB_USED', name: 'lineUsed', times: 1 })).toEqual([30]);
  expect(columnOf(answer, { metric: 'DCGM_FI_DEV_GPU_TEMP', name: 'lineTemp', times: 1 })).toBeNull();
});
