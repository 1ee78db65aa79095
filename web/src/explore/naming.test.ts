import { expect, test } from 'vitest';
import { nameSeries, written } from './naming';

const gpu = (Hostname: string, gpu: string, more = {}) => ({
  __name__: 'DCGM_FI_DEV_GPU_UTIL', Hostname, gpu, UUID: `GPU-${Hostname}${gpu}`, job: 'gpulse', ...more,
});

test('a GPU is named by node and number, and what all share is said once', () => {
  const named = nameSeries([gpu('n1', '0'), gpu('n1', '1', { GPU_I_ID: '5' })]);
  expect(named.names).toEqual(['n1/0', 'n1/1/gi5']);
  expect(named.common).toEqual([['__name__', 'DCGM_FI_DEV_GPU_UTIL'], ['Hostname', 'n1'], ['job', 'gpulse']]);
});

test('labels that tell series of one GPU apart stay', () => {
  const named = nameSeries([gpu('n1', '0', { state: 'idle' }), gpu('n1', '0', { state: 'held' })]);
  expect(named.names).toEqual(['idle', 'held']);
  const two = nameSeries([gpu('n1', '0', { state: 'idle' }), gpu('n1', '1', { state: 'held' })]);
  expect(two.names).toEqual(['n1/0 {state="idle"}', 'n1/1 {state="held"}']);
});

test('names that would be equal say every label', () => {
  const named = nameSeries([gpu('n1', '0', { UUID: 'GPU-a' }), gpu('n1', '0', { UUID: 'GPU-b' })]);
  expect(named.names).toEqual(['{UUID="GPU-a"}', '{UUID="GPU-b"}']);
});

test('other series are named by what differs, one series by all it has', () => {
  expect(nameSeries([{ __name__: 'up', job: 'a' }, { __name__: 'up', job: 'b' }]).names).toEqual(['a', 'b']);
  expect(nameSeries([{ job: 'a' }, { job: 'b', x: 'y' }]).names).toEqual(['{job="a"}', '{job="b", x="y"}']);
  expect(nameSeries([{ __name__: 'up', job: 'a' }])).toEqual({ common: [], names: ['up{job="a"}'] });
  expect(nameSeries([{}]).names).toEqual(['{}']);
});

test('labels are written as PromQL', () => {
  expect(written({ __name__: 'up', job: 'a' })).toBe('up{job="a"}');
  expect(written({})).toBe('{}');
});
