/**
 * A table of up to 10,000 rows of which only those in view are in the document. Its box scrolls,
 * not the page; head and first column stay. While a pointer is over it, live data do not reorder
 * the rows under the hand. Printing shows every row.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { t } from '../words/words';
import { printing } from './printing';
import { sortKeys, type Sort } from './sort';

export interface Column<Row> {
  id: string;
  head: string;
  /** Width in px. */
  width: number;
  /** Takes a share of what remains, by its width; `width` is then the least. */
  grow?: boolean;
  align?: 'right';
  /** What is shown. */
  cell: (row: Row) => ComponentChildren;
  /** What is sorted by; null sorts last in both directions. Absent: not sortable. */
  sort?: (row: Row) => number | string | null;
  /** What copies and files hold. */
  text: (row: Row) => string;
}

interface Props<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  sort: Sort;
  onSort: (sort: Sort) => void;
  empty: ComponentChildren;
}

/** Height of a row in px, as --row in the style sheet. */
const ROW = 28;
/** Rows drawn beyond the edge, so that scrolling shows no gap. */
const MARGIN = 12;
const MOST_ROWS = 10_000;

export function DataTable<Row>({ label, columns, rows, keyOf, sort, onSort, empty }: Props<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [width, setWidth] = useState(0);
  const ordered = useOrdered(rows, columns, sort, keyOf, box);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      setHeight(element.clientHeight);
      setWidth(element.clientWidth);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const share = shareOf(columns, width);
  const whole = printing.value;
  const first = whole ? 0 : Math.max(0, Math.floor(top / ROW) - MARGIN);
  const last = whole ? ordered.length : Math.min(ordered.length, Math.ceil((top + height) / ROW) + MARGIN);
  return (
    <div
      class="table-box fresh"
      ref={box}
      tabIndex={0}
      role="region"
      aria-label={label}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <table aria-rowcount={ordered.length + 1} aria-label={label} style={{ minWidth: `${widthOf(columns)}px` }}>
        <colgroup>
          {columns.map((column) => (
            <col key={column.id} style={{ width: `${column.width + (column.grow ? column.width * share : 0)}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <Head key={column.id} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <Gap rows={first} columns={columns.length} />}
          {ordered.slice(first, last).map((row, index) => (
            <tr key={keyOf(row)} aria-rowindex={first + index + 2}>
              {columns.map((column, nth) =>
                nth === 0 ? (
                  <th key={column.id} scope="row" class={column.align === 'right' ? 'number' : ''}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.id} class={column.align === 'right' ? 'number' : ''}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
          {last < ordered.length && <Gap rows={ordered.length - last} columns={columns.length} />}
        </tbody>
      </table>
      {rows.length === 0 && <div class="none">{empty}</div>}
    </div>
  );
}

/** What each px of the columns that grow gets of the room that is left. */
function shareOf<Row>(columns: readonly Column<Row>[], width: number): number {
  const growing = widthOf(columns.filter((column) => column.grow));
  return growing === 0 ? 0 : Math.max(0, width - widthOf(columns)) / growing;
}

function widthOf<Row>(columns: readonly Column<Row>[]): number {
  return columns.reduce((sum, column) => sum + column.width, 0);
}

function Gap({ rows, columns }: { rows: number; columns: number }) {
  return (
    <tr aria-hidden="true" class="gap">
      <td colSpan={columns} style={{ height: `${rows * ROW}px` }} />
    </tr>
  );
}

interface HeadProps<Row> {
  column: Column<Row>;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

function Head<Row>({ column, sort, onSort }: HeadProps<Row>) {
  const own = sort.column === column.id;
  const direction = own ? (sort.descending ? 'descending' : 'ascending') : 'none';
  const number = column.align === 'right' ? 'number' : '';
  if (column.sort === undefined) {
    return (
      <th scope="col" class={number}>
        {column.head}
      </th>
    );
  }
  // Figures are looked at from the largest, words from the first.
  const next = { column: column.id, descending: own ? !sort.descending : column.align === 'right' };
  return (
    <th scope="col" class={number} aria-sort={direction}>
      <button type="button" onClick={() => onSort(next)}>
        {column.head}
        <span aria-hidden="true" class="arrow">
          {own ? (sort.descending ? '▼' : '▲') : ''}
        </span>
      </button>
    </th>
  );
}

/** Rows in order. While the pointer is over the table, known rows keep their places. */
function useOrdered<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: Sort,
  keyOf: (row: Row) => string,
  box: { current: HTMLElement | null },
): readonly Row[] {
  const before = useRef<{ sort: Sort; keys: string[] } | null>(null);
  return useMemo(() => {
    const kept = before.current;
    const still =
      kept !== null &&
      kept.sort.column === sort.column &&
      kept.sort.descending === sort.descending &&
      kept.keys.length === rows.length &&
      (box.current?.matches(':hover') ?? false);
    const sorted = still ? inOrder(rows, kept.keys, keyOf) : null;
    if (sorted !== null) return sorted;
    const by = columns.find((column) => column.id === sort.column)?.sort;
    const fresh = (by === undefined ? [...rows] : sortKeys(rows, by, sort.descending)).slice(0, MOST_ROWS);
    before.current = { sort, keys: fresh.map(keyOf) };
    return fresh;
  }, [rows, columns, sort.column, sort.descending]);
}

/** The rows in the order of `keys`; null where they are not the same rows. */
function inOrder<Row>(rows: readonly Row[], keys: readonly string[], keyOf: (row: Row) => string): Row[] | null {
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  const found: Row[] = [];
  for (const key of keys) {
    const row = byKey.get(key);
    if (row === undefined) return null;
    found.push(row);
  }
  return found;
}

/** The line under a table that is cut. */
export function CutNote({ rows }: { rows: number }) {
  return rows > MOST_ROWS ? <p class="dim">{t('shownOf', { shown: '10,000', total: rows })}</p> : null;
}
