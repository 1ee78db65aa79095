/**
 * The live snapshot and its stream as the server sends them; the format and the meaning of every
 * column stand in docs/formats/snapshot.md.
 */

/** `null`: not supported, or failed now (then the row stands in `failed`). */
export type Cell = number | string | null;
/** Columns of equal length; a row is what stands at one index of all. */
export type Columns = Record<string, Cell[]>;

export interface Funnel {
  total: number;
  allocated: number;
  active: number;
  effective: number;
  low: number;
  wasted: number;
  starting: number;
  unknown: number;
  free: number;
  down: number;
  gone: number;
  util: number | null;
  mem_used_mib: number | null;
  mem_total_mib: number | null;
  power_w: number | null;
}

export interface AttentionLine {
  severity: 'critical' | 'warning';
  key: string;
  node?: string;
  gpu?: number;
  uuid?: string;
  /** `null`: not known (yet). */
  args?: Record<string, number | string | null>;
  /** Unix seconds. */
  since?: number | null;
}

/** A place where GPUs were looked for. */
export interface SourceReport {
  name: string;
  ok: boolean;
  looked_for: string;
  problem: string | null;
  remedy: string | null;
  /** The same words in Korean, where the server has them. */
  korean?: { looked_for: string; problem: string; remedy: string };
}

export type TableName = 'gpu' | 'mig' | 'session';

export interface Snapshot {
  schema: number;
  rev: number;
  /** RFC 3339 in UTC. */
  at: string;
  interval_s: number;
  dict: Record<string, string[]>;
  gpu: Columns;
  mig: Columns;
  session?: Columns;
  failed: Record<string, number[]>;
  funnel: Funnel;
  attention: AttentionLine[];
  attention_more: number;
  sources: SourceReport[];
  /** RFC 3339: how far back the history being filled reaches; null when none is. */
  backfill: string | null;
}

export type CellChanges = Record<string, [number, Cell][]>;

/** What changed since the event before. */
export interface Cells {
  rev: number;
  at: string;
  dict?: Record<string, string[]>;
  gpu?: CellChanges;
  mig?: CellChanges;
  session?: CellChanges;
  failed?: Record<string, number[]>;
  replace?: Partial<Snapshot>;
}
