import { expect, test } from 'vitest';
import type { NowRow } from '../api/query';
import { holdingOf } from './holding';

function row(name: string, labels: Record<string, string>, value = 1): NowRow {
  return { labels: { __name__: name, ...labels }, value };
}

test('an allocation has its figures and findings; one that ended is no longer there', () => {
  const { allocations } = holdingOf([
    row('gpu_allocation_info', {
      allocation: 'a', resource: 'nvidia.com/gpu', exported_namespace: 'ml', exported_pod: 'train-0', exported_container: 'main',
      // Where nvidia's exporter runs: its own names are not the holder's.
      namespace: 'monitoring', pod: 'exporter-1',
    }),
    row('gpu_allocation_info', { allocation: 'b', GPU_I_ID: '5', slurm_job: '48211' }),
    row('gpu_allocation_info', { allocation: 'gone', exported_pod: 'old' }),
    row('gpu_allocation_end_time_seconds', { allocation: 'gone' }, 100),
    row('gpu_allocation_start_time_seconds', { allocation: 'a' }, 50),
    row('gpu_allocation_sessions', { allocation: 'a' }, 0),
    row('gpu_allocation_share_ratio', { allocation: 'b' }, 0.25),
    row('gpu_allocation_finding', { allocation: 'a', finding: 'no_process' }),
  ]);
  expect(allocations).toEqual([
    {
      id: 'a', holder: 'ml/train-0', job: false, container: 'main', gi: '', resource: 'nvidia.com/gpu',
      share: null, since: 50, sessions: 0, findings: ['no_process'],
    },
    {
      id: 'b', holder: '48211', job: true, container: '', gi: '5', resource: '',
      share: 0.25, since: null, sessions: null, findings: [],
    },
  ]);
});

test('findings of the device and of its sessions say what they are about', () => {
  const { found } = holdingOf([
    row('gpu_device_finding', { finding: 'leaked' }),
    row('gpu_session_info', { session: 's', command: 'python3', pid: '7' }),
    row('gpu_session_finding', { session: 's', finding: 'zombie' }),
    row('gpu_session_finding', { session: 'unknown', finding: 'outside_allocation' }),
  ]);
  expect(found).toEqual([
    { finding: 'leaked', about: '' },
    { finding: 'zombie', about: 'python3 7' },
    { finding: 'outside_allocation', about: '' },
  ]);
});
