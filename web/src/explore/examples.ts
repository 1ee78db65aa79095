/** Questions to begin with. */
import type { Word } from '../words/words';

export interface Example {
  title: Word;
  query: string;
}

export const EXAMPLES: readonly Example[] = [
  { title: 'exUtil', query: 'DCGM_FI_DEV_GPU_UTIL' },
  { title: 'exBusiest', query: 'topk(10, avg_over_time(DCGM_FI_PROF_SM_ACTIVE[15m]))' },
  { title: 'exNode', query: 'sum by (Hostname) (DCGM_FI_DEV_POWER_USAGE)' },
  { title: 'exWaste', query: 'DCGM_FI_DEV_FB_FREE' },
  { title: 'exTemp', query: 'max by (Hostname) (DCGM_FI_DEV_GPU_TEMP)' },
  { title: 'exSessions', query: 'sum by (state) (gpu_session_state)' },
  { title: 'exXid', query: 'sum by (instance, xid) (increase(gpu_xid_events_total[1d])) > 0' },
  { title: 'exNs', query: 'count by (exported_namespace) (count by (exported_namespace, UUID) (gpu_session_info))' },
];
