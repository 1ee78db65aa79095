/**
 * The fleet as the page knows it: the newest snapshot with every later change applied. Pure: it
 * takes events and answers about cells; when to ask for events is stream.ts's business.
 */
import type { Cell, Cells, Columns, Snapshot, TableName } from '../api/snapshot';

/** A reading is a value, not supported here, or failed now: three different things everywhere. */
export type Reading = number | 'unsupported' | 'failed';

const TABLES: readonly TableName[] = ['gpu', 'mig', 'session'];
const NO_COLUMNS: Columns = {};

export class Fleet {
  readonly snapshot: Snapshot;
  private readonly failedRows = new Map<string, Set<number>>();
  /** When a cell that failed since had its last value: `table.column` to row to unix ms. */
  private readonly lastGood = new Map<string, Map<number, number>>();
  private migByGpu: number[][] | null = null;
  private rowByUuid: Map<string, number> | null = null;

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    for (const [key, rows] of Object.entries(snapshot.failed ?? {})) this.failedRows.set(key, new Set(rows));
  }

  /** Time of the newest reading, unix ms. */
  get atMs(): number {
    return Date.parse(this.snapshot.at);
  }

  table(name: TableName): Columns {
    return this.snapshot[name] ?? NO_COLUMNS;
  }

  rows(name: TableName): number {
    const table = this.table(name);
    const first = name === 'gpu' ? table['uuid'] : name === 'mig' ? table['gpu'] : table['session'];
    return first?.length ?? 0;
  }

  cell(name: TableName, column: string, row: number): Cell {
    return this.table(name)[column]?.[row] ?? null;
  }

  /** A number, or null where there is none for whatever reason. */
  number(name: TableName, column: string, row: number): number | null {
    const cell = this.cell(name, column, row);
    return typeof cell === 'number' ? cell : null;
  }

  reading(name: TableName, column: string, row: number): Reading {
    const value = this.number(name, column, row);
    if (value !== null) return value;
    return this.failedRows.get(`${name}.${column}`)?.has(row) ? 'failed' : 'unsupported';
  }

  /** When a reading that failed now was last good, unix ms; null where the page never saw it good. */
  lastGoodMs(name: TableName, column: string, row: number): number | null {
    return this.lastGood.get(`${name}.${column}`)?.get(row) ?? null;
  }

  text(name: TableName, column: string, row: number): string {
    const cell = this.cell(name, column, row);
    return cell === null ? '' : String(cell);
  }

  /** The word of a column that holds indices into the dictionary of its name. */
  word(name: TableName, column: string, row: number): string {
    const index = this.number(name, column, row);
    return index === null ? '' : (this.snapshot.dict[column]?.[index] ?? '');
  }

  /** Rows of `mig` of a GPU, in order. */
  migRows(gpu: number): readonly number[] {
    if (this.migByGpu === null) {
      this.migByGpu = [];
      const owner = this.table('mig')['gpu'] ?? [];
      for (let row = 0; row < owner.length; row += 1) {
        const of = owner[row];
        if (typeof of === 'number') (this.migByGpu[of] ??= []).push(row);
      }
    }
    return this.migByGpu[gpu] ?? [];
  }

  /** The row of a GPU; -1 where it is not known. */
  gpuRow(uuid: string): number {
    if (this.rowByUuid === null) {
      this.rowByUuid = new Map();
      (this.table('gpu')['uuid'] ?? []).forEach((cell, row) => this.rowByUuid?.set(String(cell), row));
    }
    return this.rowByUuid.get(uuid) ?? -1;
  }

  /** Applies what changed since; cells outside the tables are left out rather than grown. */
  apply(cells: Cells): void {
    for (const [name, words] of Object.entries(cells.dict ?? {})) {
      (this.snapshot.dict[name] ??= []).push(...words);
    }
    const before = this.snapshot.at;
    for (const table of TABLES) this.applyTable(table, cells);
    for (const [key, rows] of Object.entries(cells.failed ?? {})) this.fail(key, rows, Date.parse(before));
    Object.assign(this.snapshot, cells.replace);
    this.snapshot.rev = cells.rev;
    this.snapshot.at = cells.at;
  }

  private applyTable(table: TableName, cells: Cells): void {
    const columns = this.snapshot[table];
    if (columns === undefined) return;
    for (const [column, changes] of Object.entries(cells[table] ?? {})) {
      const values = columns[column];
      if (values === undefined) continue;
      for (const [row, value] of changes) if (row < values.length) values[row] = value;
    }
  }

  private fail(key: string, rows: readonly number[], lastGoodMs: number): void {
    const before = this.failedRows.get(key);
    const good = this.lastGood.get(key) ?? new Map<number, number>();
    for (const row of rows) if (!before?.has(row)) good.set(row, lastGoodMs);
    this.lastGood.set(key, good);
    this.failedRows.set(key, new Set(rows));
  }
}
