/**
 * Who holds one GPU now, used or not, and what its node finds wrong there: from the stored
 * allocations and findings of the GPU, its instances and its sessions. Pure.
 */
import { quoted, type NowRow } from '../api/query';

/** A pod's container or a job that holds the GPU or a part of it. */
export interface Allocation {
  id: string;
  /** `namespace/pod`, else the job. */
  holder: string;
  /** Whether `holder` is the number of a Slurm job. */
  job: boolean;
  container: string;
  /** GPU instance id; `""` for the whole GPU. */
  gi: string;
  resource: string;
  /** Part of the device, 0..1; null where it is not said. */
  share: number | null;
  /** Unix seconds. */
  since: number | null;
  sessions: number | null;
  findings: string[];
}

/** A finding about the device itself or a session on it. */
export interface Found {
  finding: string;
  /** Program and PID of the session; `""` for the device. */
  about: string;
}

export interface Holding {
  allocations: Allocation[];
  found: Found[];
}

/** What is asked for a GPU: its allocations with their figures, and the findings of all on it. */
export function holdingQueries(uuid: string): string[] {
  const own = `UUID=${quoted(uuid)}`;
  return [
    `{__name__=~"gpu_allocation_info|gpu_device_finding|gpu_session_info",${own}}`,
    `{__name__=~"gpu_allocation_(start_time_seconds|end_time_seconds|sessions|share_ratio|finding)"} and on (allocation, instance) gpu_allocation_info{${own}}`,
    `gpu_session_finding and on (session, instance) gpu_session_info{${own}}`,
  ];
}

export function holdingOf(rows: readonly NowRow[]): Holding {
  const named = (name: string): NowRow[] => rows.filter((row) => row.labels['__name__'] === name);
  const ended = new Set(named('gpu_allocation_end_time_seconds').map((row) => row.labels['allocation']));
  const figure = (name: string, id: string): number | null =>
    named(name).find((row) => row.labels['allocation'] === id)?.value ?? null;
  const allocations = named('gpu_allocation_info').flatMap(({ labels }) => {
    const id = labels['allocation'] ?? '';
    if (ended.has(id)) return [];
    const findings = named('gpu_allocation_finding').filter((row) => row.labels['allocation'] === id);
    return [{
      id,
      ...holderOf(labels),
      container: labels['exported_container'] ?? '',
      gi: labels['GPU_I_ID'] ?? '',
      resource: labels['resource'] ?? '',
      share: figure('gpu_allocation_share_ratio', id),
      since: figure('gpu_allocation_start_time_seconds', id),
      sessions: figure('gpu_allocation_sessions', id),
      findings: findings.map((row) => row.labels['finding'] ?? ''),
    }];
  });
  allocations.sort((a, b) => a.gi.localeCompare(b.gi, 'en', { numeric: true }) || (a.since ?? 0) - (b.since ?? 0));
  return { allocations, found: [...named('gpu_device_finding').map(ofDevice), ...ofSessions(named)] };
}

function holderOf(labels: NowRow['labels']): { holder: string; job: boolean } {
  const pod = labels['exported_pod'] ?? '';
  const namespace = labels['exported_namespace'] ?? '';
  if (pod !== '') return { holder: namespace === '' ? pod : `${namespace}/${pod}`, job: false };
  const job = labels['slurm_job'] ?? '';
  return job === '' ? { holder: labels['claim'] ?? '', job: false } : { holder: job, job: true };
}

function ofDevice({ labels }: NowRow): Found {
  return { finding: labels['finding'] ?? '', about: '' };
}

function ofSessions(named: (name: string) => NowRow[]): Found[] {
  const infos = named('gpu_session_info');
  return named('gpu_session_finding').map(({ labels }) => {
    const info = infos.find((each) => each.labels['session'] === labels['session'])?.labels ?? {};
    return { finding: labels['finding'] ?? '', about: `${info['command'] ?? ''} ${info['pid'] ?? ''}`.trim() };
  });
}
