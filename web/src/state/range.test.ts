import { expect, test } from 'vitest';
import { parseRange, parseTime, refreshSeconds, spanOf, stepFor } from './range';

const NOW = Date.parse('2026-11-22T05:03:07Z');

test('relative and absolute times are read', () => {
  expect(parseTime('now', NOW)).toBe(NOW);
  expect(parseTime('now-90m', NOW)).toBe(NOW - 5_400_000);
  expect(parseTime('2026-11-22T14:03:07+09:00', NOW)).toBe(NOW);
});

test('what is no time is null', () => {
  for (const text of ['', 'yesterday', 'now+1h', 'now-1y', '2026-11-22', '2026-13-40T00:00:00Z']) {
    expect(parseTime(text, NOW), text).toBeNull();
  }
});

test('a range that is none falls back to an hour', () => {
  expect(parseRange('', '', NOW)).toEqual({ fromMs: NOW - 3_600_000, toMs: NOW });
  expect(parseRange('now', 'now-1h', NOW)).toEqual({ fromMs: NOW - 7_200_000, toMs: NOW - 3_600_000 });
});

test('the span is named only where the range ends now', () => {
  expect(spanOf('', '')).toBe('1h');
  expect(spanOf('now-6h', 'now')).toBe('6h');
  expect(spanOf('now-6h', 'now-1h')).toBe('');
});

test('steps are round and keep the number of points', () => {
  expect(stepFor({ fromMs: NOW - 3_600_000, toMs: NOW }, 360)).toBe(10);
  expect(stepFor({ fromMs: NOW - 7 * 86_400_000, toMs: NOW }, 400)).toBe(1800);
});

test('history is asked anew at most once a step, and never when stopped', () => {
  expect(refreshSeconds('', 10)).toBe(10);
  expect(refreshSeconds('5m', 10)).toBe(300);
  expect(refreshSeconds('5s', 60)).toBe(60);
  expect(refreshSeconds('off', 10)).toBe(Number.POSITIVE_INFINITY);
});
