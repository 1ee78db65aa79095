/** The map's data as a table: the same GPUs, the same filter, everything readable without the map. */
import { useMemo } from 'preact/hooks';
import { gib, number } from '../format/format';
import type { Fleet } from '../live/fleet';
import { tick } from '../live/live';
import { gpuHref, gpuName, modelName } from '../gpu/name';
import { CellText, readingForExport } from '../gpu/readings';
import { stateWord } from '../gpu/states';
import { State } from '../map/card';
import { holderOf } from '../map/groups';
import { parameter, setParameters } from '../state/location';
import { DataTable, type Column } from '../table/data-table';
import { parseSort, writeSort, type Sort } from '../table/sort';
import { t } from '../words/words';

const STANDARD: Sort = { column: '', descending: false };

export function GpuTable({ fleet, rows }: { fleet: Fleet; rows: readonly number[] }) {
  // A tick changes cells in place, so rows are given anew for the table to look again.
  const fresh = useMemo(() => [...rows], [rows, tick.value]);
  return (
    <DataTable
      label={t('gpus')}
      columns={gpuColumns(fleet)}
      rows={fresh}
      keyOf={(row) => fleet.text('gpu', 'uuid', row)}
      sort={parseSort(parameter('sort'), STANDARD)}
      onSort={(sort) => setParameters({ sort: writeSort(sort, STANDARD) })}
      empty={t('noneMatch')}
    />
  );
}

/** Columns of the table; copies and files use them too. */
export function gpuColumns(fleet: Fleet): Column<number>[] {
  const figure = (id: string, head: string, width: number, format: (value: number) => string): Column<number> => ({
    id, head, width, align: 'right',
    cell: (row) => <CellText fleet={fleet} table="gpu" column={id} row={row} format={format} />,
    sort: (row) => fleet.number('gpu', id, row),
    text: (row) => readingForExport(fleet.reading('gpu', id, row), format),
  });
  return [
    {
      id: 'gpu', head: 'GPU', width: 100,
      cell: (row) => <a href={gpuHref(fleet, row)}>{gpuName(fleet, row)}</a>,
      sort: (row) => gpuName(fleet, row),
      text: (row) => gpuName(fleet, row),
    },
    {
      id: 'state', head: t('state'), width: 100,
      cell: (row) => <State fleet={fleet} table="gpu" row={row} />,
      sort: (row) => stateWord(fleet.word('gpu', 'state', row)),
      text: (row) => fleet.word('gpu', 'state', row),
    },
    figure('util', t('headUtil'), 84, (value) => number(value, 1)),
    figure('mem_mib', t('memGib'), 104, gib),
    figure('mem_total_mib', t('totalGib'), 84, gib),
    figure('temp', t('headTemp'), 84, (value) => number(value)),
    figure('power', t('headPower'), 76, (value) => number(value)),
    figure('sm', t('sm'), 68, (value) => number(value * 100, 1)),
    figure('sessions', t('sessions'), 76, (value) => number(value)),
    {
      id: 'holder', head: t('holder'), width: 210, grow: true,
      cell: (row) => <span title={holderOf(fleet, row)}>{holderOf(fleet, row)}</span>,
      sort: (row) => holderOf(fleet, row) || null,
      text: (row) => holderOf(fleet, row),
    },
    {
      id: 'model', head: t('model'), width: 120, grow: true,
      cell: (row) => modelName(fleet.word('gpu', 'model', row)),
      sort: (row) => modelName(fleet.word('gpu', 'model', row)),
      text: (row) => fleet.word('gpu', 'model', row),
    },
  ];
}
