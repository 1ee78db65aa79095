/** What sessions can be filtered by. Rows are rows of the table `session`. */
import type { Fields } from '../filter/filter';
import type { Fleet } from '../live/fleet';
import { gpuName } from '../gpu/name';
import { ageOf } from './columns';

export function sessionFields(fleet: Fleet): Fields<number> {
  const word = (column: string) => ({ kind: 'text', of: (row: number) => fleet.word('session', column, row) }) as const;
  const number = (column: string) =>
    ({ kind: 'number', of: (row: number) => fleet.number('session', column, row) }) as const;
  return {
    ns: word('namespace'),
    user: word('user'),
    cmd: word('command'),
    state: word('state'),
    pod: word('pod'),
    container: word('container'),
    job: word('slurm_job'),
    finding: word('finding'),
    node: word('node'),
    holder: word('holder'),
    workload: word('workload'),
    kind: word('kind'),
    gpu: { kind: 'text', of: (row) => gpuName(fleet, fleet.number('session', 'gpu', row) ?? 0) },
    pid: number('pid'),
    mem: number('mem_mib'),
    sm: number('util'),
    idle: number('idle_s'),
    since: { kind: 'number', of: (row) => ageOf(fleet, row) },
  };
}
