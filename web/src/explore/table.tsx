/** The answer at the end of the range as a table: a column for each label that differs. */
import { useMemo } from 'preact/hooks';
import { dateTime } from '../format/format';
import { parameter, setParameters } from '../state/location';
import { zone } from '../state/preferences';
import { DataTable, type Column } from '../table/data-table';
import { t } from '../words/words';
import type { TableAnswer, TableRow } from './ask';
import { nameSeries, written } from './naming';
import { exact } from './unit';

export function ResultTable({ answer }: { answer: TableAnswer }) {
  const named = useMemo(() => nameSeries(answer.rows.map((row) => row.labels)), [answer]);
  const columns = useMemo(() => columnsOf(named.names), [named, zone.value, t('series')]);
  const [column = '', direction] = parameter('sort').split('.');
  return (
    <>
      {named.common.length > 0 && (
        <p class="common">
          <span class="dim">{t('commonLabels')}:</span> <code>{written(Object.fromEntries(named.common))}</code>
        </p>
      )}
      <DataTable
        label={t('series')}
        columns={columns}
        rows={answer.rows}
        keyOf={(row) => row.key}
        sort={{ column, descending: direction === 'desc' }}
        onSort={(sort) => setParameters({ sort: `${sort.column}${sort.descending ? '.desc' : ''}` })}
        empty={t('exploreNone')}
      />
    </>
  );
}

function columnsOf(names: readonly string[]): Column<TableRow>[] {
  const name = (row: TableRow): string => names[Number(row.key)] ?? '';
  const number = (row: TableRow): number | null => {
    const value = Number(row.value);
    return Number.isNaN(value) ? null : value;
  };
  return [
    {
      id: 'series', head: t('series'), width: 420, cell: (row) => <span title={written(row.labels)}>{name(row)}</span>,
      sort: name, text: (row) => written(row.labels),
    },
    {
      id: 'value', head: t('value'), width: 160, align: 'right', sort: number, text: (row) => row.value,
      cell: (row) => {
        const value = Number(row.value);
        const said = Number.isFinite(value) ? exact(value) : row.value;
        return row.samples > 1 ? `${said} (${t('samplesCount', { n: row.samples })})` : said;
      },
    },
    {
      id: 'time', head: t('time'), width: 180, sort: (row) => row.time,
      cell: (row) => dateTime(row.time, zone.value), text: (row) => new Date(row.time).toISOString(),
    },
  ];
}
