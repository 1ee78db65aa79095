/** Sessions now: every process on every GPU, who started it, and how long it has been idle. */
import { useMemo } from 'preact/hooks';
import { CopyMenu } from '../copy/copy-menu';
import type { Sheet } from '../copy/exports';
import { parseFilter } from '../filter/filter';
import { number } from '../format/format';
import type { Fleet } from '../live/fleet';
import { tick, useFleet } from '../live/live';
import { Empty } from '../overview/empty';
import { Waiting } from '../overview/skeleton';
import { parameter, setParameters } from '../state/location';
import { DataTable } from '../table/data-table';
import { parseSort, sortKeys, writeSort, type Sort } from '../table/sort';
import { FilterInput } from '../widgets/filter-input';
import { t } from '../words/words';
import { sessionColumns } from './columns';
import { sessionFields } from './session-fields';

const STANDARD: Sort = { column: 'since', descending: true };

export default function Sessions() {
  const fleet = useFleet();
  if (fleet === null || fleet.snapshot.session === undefined) {
    return <Waiting />;
  }
  if (fleet.rows('gpu') === 0) return <Empty sources={fleet.snapshot.sources} />;
  return <Now fleet={fleet} />;
}

function Now({ fleet }: { fleet: Fleet }) {
  const query = parameter('q');
  const sort = parseSort(parameter('sort'), STANDARD);
  const total = fleet.rows('session');
  const filter = useMemo(() => parseFilter(query, sessionFields(fleet)), [query, fleet]);
  const rows = useMemo(
    () => Array.from({ length: total }, (_, row) => row).filter(filter.matches),
    [fleet, total, filter, tick.value],
  );
  const columns = sessionColumns(fleet);
  const sheet = (): Sheet => {
    const by = columns.find((column) => column.id === sort.column)?.sort;
    const ordered = by === undefined ? rows : sortKeys(rows, by, sort.descending);
    return {
      keys: columns.map((column) => column.id),
      heads: columns.map((column) => column.head),
      rows: ordered.map((row) => columns.map((column) => column.text(row))),
    };
  };
  return (
    <>
      <div class="toolbar">
        <FilterInput
          value={query}
          hint={`/ ${t('filterSessionHint')}`}
          bad={filter.bad}
          onChange={(text) => setParameters({ q: text })}
        />
        <span class="dim" role="status">
          {counts(fleet, rows, total)}
        </span>
        <span class="grow" />
        <CopyMenu sheet={sheet} name="sessions" />
      </div>
      <DataTable
        label={t('sessions')}
        columns={columns}
        rows={rows}
        keyOf={(row) => fleet.text('session', 'session', row)}
        sort={sort}
        onSort={(next) => setParameters({ sort: writeSort(next, STANDARD) })}
        empty={total === 0 ? <NoSessions /> : t('noneMatch')}
      />
    </>
  );
}

/** `83 sessions on 79 GPUs`; with a filter, how many of all. */
function counts(fleet: Fleet, rows: readonly number[], total: number): string {
  const gpus = new Set(rows.map((row) => fleet.number('session', 'gpu', row)));
  const whole = t('sessionsOnGpus', {
    sessions: t('sessionsCount', { n: number(rows.length) }),
    gpus: t('gpusCount', { n: number(gpus.size) }),
  });
  return rows.length === total ? whole : `${whole} (${t('shownOf', { shown: number(rows.length), total: number(total) })})`;
}

function NoSessions() {
  return (
    <>
      <p>{t('noSessions')}</p>
      <p class="dim">{t('noSessionsWhy')}</p>
    </>
  );
}
