/** How well each GPU is: from the attention list, the driver's problem and its state. Pure. */
import type { Fleet } from '../live/fleet';
import type { Severity } from './states';

const RANK: Readonly<Record<Severity, number>> = { ok: 0, unknown: 1, warning: 2, critical: 3 };

/** One severity per row of the table `gpu`. */
export function severities(fleet: Fleet): Severity[] {
  const all: Severity[] = [];
  for (let row = 0; row < fleet.rows('gpu'); row += 1) all.push(own(fleet, row));
  for (const line of fleet.snapshot.attention) {
    const row = line.uuid === undefined ? -1 : fleet.gpuRow(line.uuid);
    if (row >= 0 && RANK[line.severity] > RANK[all[row] ?? 'ok']) all[row] = line.severity;
  }
  return all;
}

function own(fleet: Fleet, row: number): Severity {
  const problem = fleet.word('gpu', 'problem', row);
  if (problem === 'lost' || problem === 'stuck') return 'critical';
  const state = fleet.word('gpu', 'state', row);
  if (state === 'down') return 'critical';
  if (state === 'stale' || problem !== '') return 'warning';
  return state === 'gone' || state === 'unknown' ? 'unknown' : 'ok';
}
