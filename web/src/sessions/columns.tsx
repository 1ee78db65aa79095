/** The columns of the sessions table, for the screen and for copies. Rows are rows of `session`. */
import { gib, iso, number, shortDuration, duration } from '../format/format';
import type { Fleet } from '../live/fleet';
import { nowMs } from '../live/live';
import { gpuHref, gpuName, instanceName } from '../gpu/name';
import { CellText, readingForExport } from '../gpu/readings';
import { stateWord } from '../gpu/states';
import { State } from '../map/card';
import type { Column } from '../table/data-table';
import { t } from '../words/words';
import { whoText } from './who';

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
      id: 'gpu', head: 'GPU', width: 184,
      cell: (row) => {
        const { gpu, mig, name } = place(fleet, row);
        return (
          <a href={gpuHref(fleet, gpu, mig)} title={name}>
            {name}
          </a>
        );
      },
      sort: (row) => place(fleet, row).name,
      text: (row) => place(fleet, row).name,
    },
    {
      id: 'since', head: t('since'), width: 84, align: 'right',
      cell: (row) => <Age fleet={fleet} row={row} />,
      // Not the age, which moves on between two rows and would shuffle those of one start.
      sort: (row) => negated(fleet.number('session', 'since', row)),
      text: (row) => {
        const since = fleet.number('session', 'since', row);
        return since === null ? '' : iso(since * 1000);
      },
    },
    {
      id: 'who', head: t('who'), width: 220, grow: true,
      cell: (row) => <span title={whoText(fleet, row)}>{whoText(fleet, row)}</span>,
      sort: (row) => whoText(fleet, row) || null,
      text: (row) => whoText(fleet, row),
    },
    {
      id: 'state', head: t('state'), width: 108,
      cell: (row) => <State fleet={fleet} table="session" row={row} />,
      sort: (row) => stateWord(word('state')(row)),
      text: word('state'),
    },
    figure('mem_mib', t('memGib'), 104, gib),
    figure('util', t('sm'), 72, (value) => number(value, 1)),
    {
      id: 'idle_s', head: t('idle'), width: 72, align: 'right',
      cell: (row) => {
        const idle = fleet.number('session', 'idle_s', row);
        return idle === null ? <span class="dim">–</span> : shortDuration(idle);
      },
      sort: (row) => fleet.number('session', 'idle_s', row),
      text: (row) => readingForExport(fleet.reading('session', 'idle_s', row)),
    },
    {
      id: 'pid', head: t('pid'), width: 84, align: 'right',
      cell: (row) => fleet.text('session', 'pid', row),
      sort: (row) => fleet.number('session', 'pid', row),
      text: (row) => fleet.text('session', 'pid', row),
    },
    {
      id: 'command', head: t('command'), width: 110, grow: true,
      cell: (row) => <span class="mono">{word('command')(row)}</span>,
      sort: word('command'),
      text: word('command'),
    },
  ];
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
