/** GPUs put into groups for the map: by node, by namespace of the holder, or by model. Pure. */
import type { Fleet } from '../live/fleet';
import { namespaceOf } from '../gpu/name';

export type GroupBy = 'node' | 'namespace' | 'model';
export const GROUPS: readonly GroupBy[] = ['node', 'namespace', 'model'];

export interface Group {
  /** `""` groups what has none: free GPUs, or a holder outside any namespace. */
  name: string;
  kind: 'named' | 'free' | 'outside';
  rows: number[];
  /** GPUs that somebody holds. */
  held: number;
}

const FREE = new Set(['free', 'down', 'gone']);

export function groupGpus(fleet: Fleet, by: GroupBy, rows: readonly number[]): Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const held = !FREE.has(fleet.word('gpu', 'state', row));
    const [name, kind] = keyOf(fleet, by, row, held);
    let group = groups.get(`${kind}/${name}`);
    if (group === undefined) {
      group = { name, kind, rows: [], held: 0 };
      groups.set(`${kind}/${name}`, group);
    }
    group.rows.push(row);
    if (held) group.held += 1;
  }
  const all = [...groups.values()];
  // Rows already come by node and index; other groups are ordered, the unnamed last.
  return by === 'node' ? all : all.sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name, 'en', { numeric: true }));
}

function order(group: Group): number {
  return group.kind === 'named' ? 0 : group.kind === 'outside' ? 1 : 2;
}

function keyOf(fleet: Fleet, by: GroupBy, row: number, held: boolean): [string, Group['kind']] {
  if (by !== 'namespace') return [fleet.word('gpu', by, row), 'named'];
  const namespace = namespaceOf(holderOf(fleet, row));
  if (namespace !== '') return [namespace, 'named'];
  return ['', held ? 'outside' : 'free'];
}

/** The GPU's holder; of a GPU with instances, that of the first instance that has one. */
export function holderOf(fleet: Fleet, row: number): string {
  const own = fleet.word('gpu', 'holder', row);
  if (own !== '') return own;
  for (const mig of fleet.migRows(row)) {
    const holder = fleet.word('mig', 'holder', mig);
    if (holder !== '') return holder;
  }
  return '';
}
