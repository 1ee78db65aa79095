import { expect, test } from 'vitest';
import { parseStep, writeStep } from './step';

test('steps are read with a unit, or as seconds', () => {
  expect(['15s', '1m', '2h', '30', '0', '1.5m', 'x', ''].map(parseStep)).toEqual([15, 60, 7200, 30, null, null, null, null]);
});

test('a step is written in the largest unit that divides it', () => {
  expect([15, 60, 90, 7200, 86_400].map(writeStep)).toEqual(['15s', '1m', '90s', '2h', '1d']);
});
