import { expect, test } from 'vitest';
import { axisOf, figuresOf, lonely, nearest, summaryOf } from './lines';

test('gaps count in no figure', () => {
  expect(figuresOf([null, 2, null, 4, null])).toEqual({ min: 2, avg: 3, max: 4, last: 4, at: 3 });
  expect(figuresOf([null, null])).toBeNull();
});

test('a sample between two gaps is a dot', () => {
  expect(lonely([1, null, 3, null, 5, 6], 0, 5)).toEqual([0, 2]);
});

test('a summary names a few lines and counts the rest', () => {
  const lines = [1, 2, 3, 4, 5].map((value) => ({ name: `n${value}`, values: [value, null] }));
  const said = summaryOf('Power', [...lines, { name: 'limit', values: [9], bound: true }], (value) => `${value} W`);
  expect(said).toBe('Power. n1: 1 W … 1 W, 1 W. n2: 2 W … 2 W, 2 W. n3: 3 W … 3 W, 3 W. n4: 4 W … 4 W, 4 W. +1');
});

test('of many lines those nearest to the cursor are listed, the greatest first', () => {
  expect(nearest([1, 9, null, 5, 6], 5, 2)).toEqual([4, 3]);
  expect(nearest([1, 9], 5, 2)).toEqual([0, 1]);
});

test('an axis begins at zero unless it is to fit', () => {
  expect(axisOf(40, 60, false, 100)).toEqual([0, 100]);
  expect(axisOf(40, 50, false, null)).toEqual([0, 54]);
  expect(axisOf(40, 50, true, 100)[0]).toBeGreaterThan(39);
  expect(axisOf(-5, 50, false, null)[0]).toBeLessThan(-5);
  expect(axisOf(0, 0, true, null)[1]).toBeGreaterThan(0);
  // Steps of nothing would all be written as zero.
  expect(axisOf(0, 0, false, null)).toEqual([0, 10]);
  expect(axisOf(Infinity, -Infinity, false, 100)).toEqual([0, 100]);
});
