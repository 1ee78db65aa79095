import { expect, test } from 'vitest';
import { compact, exact, unitOf } from './unit';

test('a metric says its unit, and so does an aggregation that keeps it', () => {
  expect(unitOf('DCGM_FI_DEV_GPU_UTIL', new Set(['DCGM_FI_DEV_GPU_UTIL'])).raw(63.5)).toBe('63.5\u00a0%');
  expect(unitOf('max by (Hostname) (DCGM_FI_DEV_GPU_TEMP)', new Set()).format(61)).toBe('61\u00a0°C');
  expect(unitOf('avg(DCGM_FI_DEV_GPU_UTIL{gpu="0"}) by (Hostname)', new Set()).top).toBe(100);
});

test('what changes the quantity has no unit', () => {
  expect(unitOf('rate(DCGM_FI_DEV_GPU_UTIL[5m])', new Set()).raw(1.5)).toBe('1.5');
  expect(unitOf('count(DCGM_FI_DEV_GPU_UTIL)', new Set()).top).toBeUndefined();
  const mixed = new Set(['DCGM_FI_DEV_GPU_UTIL', 'DCGM_FI_DEV_FB_USED']);
  expect(unitOf('{__name__=~"a|b"}', mixed).raw(3)).toBe('3');
});

test('plain numbers are short on the axis and whole under the cursor', () => {
  expect([0, 0.1 + 0.2, 12.3456, 98_765, 1.5e9, 0.00012].map(compact)).toEqual(['0', '0.3', '12.35', '98.77k', '1.5G', '1.2e-4']);
  expect(exact(0.1 + 0.2)).toBe('0.3');
});
