import { expect, test } from 'vitest';
import type { Snapshot } from '../api/snapshot';
import { Fleet } from './fleet';

/** Two GPUs, one with a MIG instance; the second one's temperature failed. */
export function twoGpus(): Snapshot {
  return {
    schema: 1, rev: 1, at: '2026-11-22T05:03:07Z', interval_s: 5,
    dict: { node: ['n1'], state: ['free', 'active'], holder: ['', 'ml/train'] },
    gpu: {
      uuid: ['GPU-a', 'GPU-b'], node: [0, 0], index: [0, 1], state: [1, 0],
      util: [63, null], temp: [61, null], holder: [1, 0],
    },
    mig: { gpu: [1], gi: [1], ci: [0], slices: [3], util: [82] },
    failed: { 'gpu.temp': [1] },
    funnel: {
      total: 2, allocated: 1, active: 1, effective: 1, low: 0, wasted: 0, starting: 0, unknown: 0,
      free: 1, down: 0, gone: 0, util: 63, mem_used_mib: null, mem_total_mib: null, power_w: null,
    },
    attention: [], attention_more: 0, sources: [], backfill: null,
  };
}

test('a value, not supported and failed are three different readings', () => {
  const fleet = new Fleet(twoGpus());
  expect(fleet.reading('gpu', 'temp', 0)).toBe(61);
  expect(fleet.reading('gpu', 'util', 1)).toBe('unsupported');
  expect(fleet.reading('gpu', 'temp', 1)).toBe('failed');
});

test('words come from the dictionary of the column', () => {
  const fleet = new Fleet(twoGpus());
  expect(fleet.word('gpu', 'holder', 0)).toBe('ml/train');
  expect(fleet.word('gpu', 'state', 1)).toBe('free');
});

test('cells change values, words, failures and whole keys', () => {
  const fleet = new Fleet(twoGpus());
  fleet.apply({
    rev: 2, at: '2026-11-22T05:03:12Z',
    dict: { holder: ['ml/eval'] },
    gpu: { util: [[0, 64]], temp: [[1, 40]], holder: [[1, 2]] },
    failed: { 'gpu.temp': [], 'gpu.util': [1] },
    replace: { attention_more: 3 },
  });
  expect(fleet.reading('gpu', 'util', 0)).toBe(64);
  expect(fleet.reading('gpu', 'temp', 1)).toBe(40);
  expect(fleet.reading('gpu', 'util', 1)).toBe('failed');
  expect(fleet.lastGoodMs('gpu', 'util', 1)).toBe(Date.parse('2026-11-22T05:03:07Z'));
  expect(fleet.word('gpu', 'holder', 1)).toBe('ml/eval');
  expect(fleet.snapshot.attention_more).toBe(3);
  expect(fleet.snapshot.rev).toBe(2);
});

test('a cell outside the table is not added', () => {
  const fleet = new Fleet(twoGpus());
  fleet.apply({ rev: 2, at: '2026-11-22T05:03:12Z', gpu: { util: [[7, 1]], nonsense: [[0, 1]] } });
  expect(fleet.rows('gpu')).toBe(2);
  expect(fleet.table('gpu')['util']).toHaveLength(2);
});

test('instances are found by their GPU, GPUs by their UUID', () => {
  const fleet = new Fleet(twoGpus());
  expect(fleet.migRows(1)).toEqual([0]);
  expect(fleet.migRows(0)).toEqual([]);
  expect(fleet.gpuRow('GPU-b')).toBe(1);
  expect(fleet.gpuRow('GPU-z')).toBe(-1);
});
