import { expect, test } from 'vitest';
import { parseSort, sortKeys, writeSort } from './sort';

const STANDARD = { column: 'since', descending: true };

test('rows without a value come last in both directions', () => {
  const rows = [3, null, 1, 2];
  expect(sortKeys(rows, (row) => row, false)).toEqual([1, 2, 3, null]);
  expect(sortKeys(rows, (row) => row, true)).toEqual([3, 2, 1, null]);
});

test('names are ordered as people count', () => {
  expect(sortKeys(['gpu-10/1', 'gpu-2/1', 'gpu-2/0'], (row) => row, false)).toEqual(['gpu-2/0', 'gpu-2/1', 'gpu-10/1']);
});

test('the standard order stays out of the link, and nonsense is the standard', () => {
  expect(writeSort(STANDARD, STANDARD)).toBe('');
  expect(writeSort({ column: 'util', descending: true }, STANDARD)).toBe('-util');
  expect(parseSort('-util', STANDARD)).toEqual({ column: 'util', descending: true });
  expect(parseSort('a;b', STANDARD)).toEqual(STANDARD);
});
