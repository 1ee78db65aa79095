/** Range queries over the server's PromQL API: series as columns over one axis of times. */
import type { Range } from '../state/range';
import { apiUrl, request } from './request';

/** A series over the axis of its answer: `null` where it has no sample. */
export interface RangeSeries {
  labels: Readonly<Record<string, string>>;
  values: (number | null)[];
}

export interface RangeAnswer {
  /** Unix seconds, evenly spaced. */
  times: number[];
  series: RangeSeries[];
}

/** More points nobody sees, and more series no chart draws. */
const MOST_POINTS = 11_000;

interface MatrixBody {
  status: string;
  data: { result: { metric: Record<string, string>; values: [number, string][] }[] };
}

/** Asks for `query` over the range; both ends are put on multiples of the step, so that redraws agree. */
export async function queryRange(query: string, range: Range, step: number, signal: AbortSignal): Promise<RangeAnswer> {
  const start = Math.ceil(range.fromMs / 1000 / step) * step;
  const end = Math.floor(range.toMs / 1000 / step) * step;
  const points = Math.min(MOST_POINTS, Math.max(1, Math.round((end - start) / step) + 1));
  const body = new URLSearchParams({ query, start: String(start), end: String(end), step: String(step) });
  const response = await request(apiUrl('api/v1/query_range'), { method: 'POST', body, signal });
  const answer = (await response.json()) as MatrixBody;
  const times = Array.from({ length: points }, (_, index) => start + index * step);
  const series = answer.data.result.map(({ metric, values }) => ({
    labels: metric,
    values: columnOf(values, start, step, points),
  }));
  return { times, series };
}

/** A series at one moment. */
export interface NowRow {
  labels: Readonly<Record<string, string>>;
  value: number;
}

interface VectorBody {
  data: { result: { metric: Record<string, string>; value: [number, string] }[] };
}

/** Asks for `query` at one moment; the answer of an expression that gives series. */
export async function queryNow(query: string, atMs: number, signal: AbortSignal): Promise<NowRow[]> {
  const body = new URLSearchParams({ query, time: String(atMs / 1000) });
  const response = await request(apiUrl('api/v1/query'), { method: 'POST', body, signal });
  const answer = (await response.json()) as VectorBody;
  return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** Samples on the evenly spaced times of their answer. */
export function columnOf(samples: readonly [number, string][], start: number, step: number, points: number): (number | null)[] {
  const column = Array.from<number | null>({ length: points }).fill(null);
  for (const [time, text] of samples) {
    const index = Math.round((time - start) / step);
    const value = Number(text);
    // NaN and infinities are words in this API; a chart has no place for them.
    if (index >= 0 && index < points && Number.isFinite(value)) column[index] = value;
  }
  return column;
}

/** A label value inside double quotes. */
export function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
