/** The columns of the sessions table, for the screen and for copies. Rows are rows of `session`. */
import { gib, iso, number, shortDuration, duration } from '../format/format';
import type { Fleet } from '../live/fleet';
import { nowMs } from '../live/live';
import { gpuHref, gpuName, instanceName, shortInstanceName } from '../gpu/name';
import { CellText, readingForExport } from '../gpu/readings';
import { stateWord } from '../gpu/states';
import { State } from '../map/card';
import type { Column } from '../table/data-table';
import { t, type Word } from '../words/words';
import { findingWords } from '../gpu/findings';

/** The session's GPU, and its instance where it is on one. */
function place(fleet: Fleet, row: number): { gpu: number; mig: number | null; name: string } {
  const gpu = fleet.number('session', 'gpu', row) ?? 0;
  const mig = fleet.number('session', 'mig', row);
  return { gpu, mig, name: gpuName(fleet, gpu) + (mig === null ? '' : ` ${instanceName(fleet, mig)}`) };
}

/** Seconds since the start; null where it is not known. */
export function ageOf(fleet: Fleet, row: number): number | null {
  const since = fleet.number('session', 'since', row);
  return since === null ? null : Math.max(0, nowMs() / 1000 - since);
}

function negated(value: number | null): number | null {
  return value === null ? null : -value;
}

/** Who a session belongs to: what somebody looks for, and the widths that such names usually take. */
const NAMES: readonly [column: string, head: Word, width: number][] = [
  ['namespace', 'namespace', 113],
  ['pod', 'pod', 137],
  ['container', 'container', 92],
  ['slurm_job', 'slurmJob', 96],
  ['user', 'userHead', 60],
];

/** Whether any session is so. */
function hasAny(fleet: Fleet, is: (row: number) => boolean): boolean {
  for (let row = 0; row < fleet.rows('session'); row += 1) if (is(row)) return true;
  return false;
}

/** A column for each kind of name that any session has: outside a cluster there are no pods. */
function names(fleet: Fleet): Column<number>[] {
  const present = NAMES.filter(([column]) => column === 'user' || hasAny(fleet, (row) => fleet.word('session', column, row) !== ''));
  return present.map(([id, head, width]) => ({
    id, head: t(head), width, grow: true,
    cell: (row) => {
      const name = fleet.word('session', id, row);
      return name === '' ? <span class="dim">–</span> : <span title={titleOf(fleet, id, row)}>{name}</span>;
    },
    sort: (row) => fleet.word('session', id, row) || null,
    text: (row) => fleet.word('session', id, row),
  }));
}

/** The whole name; of a pod with what it is a part of. */
function titleOf(fleet: Fleet, column: string, row: number): string {
  const name = fleet.word('session', column, row);
  const workload = column === 'pod' ? fleet.word('session', 'workload', row) : '';
  return workload === '' ? name : `${name} · ${workload}`;
}

/** What the node finds wrong with sessions, where it does with any. */
function findings(fleet: Fleet): Column<number>[] {
  const of = (row: number): string => fleet.word('session', 'finding', row);
  if (!hasAny(fleet, (row) => of(row) !== '')) return [];
  return [{
    id: 'finding', head: t('finding'), width: 132, grow: true,
    cell: (row) => {
      const found = findingWords(of(row));
      const names = found.map((each) => each.name).join(', ');
      return names === '' ? <span class="dim">–</span> : <span title={found.map((each) => each.remedy).join(' ')}>{names}</span>;
    },
    sort: (row) => of(row) || null,
    text: of,
  }];
}

export function sessionColumns(fleet: Fleet): Column<number>[] {
  const word = (column: string) => (row: number) => fleet.word('session', column, row);
  const figure = (id: string, head: string, width: number, format: (value: number) => string): Column<number> => ({
    id, head, width, align: 'right',
    cell: (row) => <CellText fleet={fleet} table="session" column={id} row={row} format={format} />,
    sort: (row) => fleet.number('session', id, row),
    text: (row) => readingForExport(fleet.reading('session', id, row), format),
  });
  return [
    {
      id: 'gpu', head: 'GPU', width: hasAny(fleet, (row) => fleet.number('session', 'mig', row) !== null) ? 132 : 104,
      cell: (row) => {
        const { gpu, mig, name } = place(fleet, row);
        return (
          <a href={gpuHref(fleet, gpu, mig)} title={name}>
            {gpuName(fleet, gpu)}
            {mig === null ? '' : ` ${shortInstanceName(fleet, mig)}`}
          </a>
        );
      },
      sort: (row) => place(fleet, row).name,
      text: (row) => place(fleet, row).name,
    },
    {
      id: 'since', head: t('since'), width: 68, align: 'right',
      cell: (row) => <Age fleet={fleet} row={row} />,
      // Not the age, which moves on between two rows and would shuffle those of one start.
      sort: (row) => negated(fleet.number('session', 'since', row)),
      text: (row) => {
        const since = fleet.number('session', 'since', row);
        return since === null ? '' : iso(since * 1000);
      },
    },
    ...names(fleet),
    {
      id: 'state', head: t('state'), width: 108,
      cell: (row) => (
        <>
          <State fleet={fleet} table="session" row={row} /> <Found fleet={fleet} row={row} />
        </>
      ),
      sort: (row) => stateWord(word('state')(row)),
      text: word('state'),
    },
    figure('mem_mib', t('memGib'), 88, gib),
    figure('util', t('sm'), 64, (value) => number(value, 1)),
    {
      id: 'idle_s', head: t('idle'), width: 56, align: 'right',
      cell: (row) => {
        const idle = fleet.number('session', 'idle_s', row);
        return idle === null ? <span class="dim">–</span> : shortDuration(idle);
      },
      sort: (row) => fleet.number('session', 'idle_s', row),
      text: (row) => readingForExport(fleet.reading('session', 'idle_s', row)),
    },
    {
      id: 'pid', head: t('pid'), width: 68, align: 'right',
      cell: (row) => fleet.text('session', 'pid', row),
      sort: (row) => fleet.number('session', 'pid', row),
      text: (row) => fleet.text('session', 'pid', row),
    },
    {
      id: 'command', head: t('command'), width: 92, grow: true,
      cell: (row) => <span class="mono">{word('command')(row)}</span>,
      sort: word('command'),
      text: word('command'),
    },
    ...findings(fleet),
  ];
}

/** A mark at the state of a session with a finding; its name stands in a column of its own. */
function Found({ fleet, row }: { fleet: Fleet; row: number }) {
  const found = findingWords(fleet.word('session', 'finding', row));
  if (found.length === 0) return null;
  const names = found.map((each) => each.name).join(', ');
  return (
    <span class="tone-warning" role="img" aria-label={names} title={names}>
      ▲
    </span>
  );
}

/** How long the session runs; `≥` where only the time it was first seen is known. */
function Age({ fleet, row }: { fleet: Fleet; row: number }) {
  const age = ageOf(fleet, row);
  if (age === null) return <span class="dim">–</span>;
  const exact = fleet.number('session', 'exact', row) !== 0;
  return (
    <span title={duration(age)}>
      {exact ? '' : '≥ '}
      {shortDuration(age)}
    </span>
  );
}
