/** What GPUs can be filtered by on the map and in its table. Rows are rows of the table `gpu`. */
import type { Fields } from '../filter/filter';
import { namespaceOf } from '../gpu/name';
import { holderOf } from '../map/groups';
import type { Fleet } from '../live/fleet';

export function gpuFields(fleet: Fleet): Fields<number> {
  const word = (column: string) => ({ kind: 'text', of: (row: number) => fleet.word('gpu', column, row) }) as const;
  const number = (column: string) =>
    ({ kind: 'number', of: (row: number) => fleet.number('gpu', column, row) }) as const;
  return {
    node: word('node'),
    model: word('model'),
    state: word('state'),
    driver: word('driver'),
    holder: { kind: 'text', of: (row) => holdersOf(fleet, row).join(' ') },
    ns: { kind: 'text', of: (row) => holdersOf(fleet, row).map(namespaceOf).join(' ') },
    uuid: { kind: 'text', of: (row) => fleet.text('gpu', 'uuid', row) },
    gpu: number('index'),
    util: number('util'),
    mem: number('mem_mib'),
    temp: number('temp'),
    power: number('power'),
    sessions: number('sessions'),
  };
}

/** Everyone on the GPU: its holder and those of its instances. */
function holdersOf(fleet: Fleet, row: number): string[] {
  const mig = fleet.migRows(row);
  if (mig.length === 0) return [holderOf(fleet, row)];
  return [...new Set(mig.map((each) => fleet.word('mig', 'holder', each)))];
}
