/** What Explore asks the server: a range for the chart, a moment for the table, as they came. */
import { columnOf, type RangeSeries } from '../api/query';
import { apiUrl, request } from '../api/request';
import type { Range } from '../state/range';
import type { Labels } from './naming';

/** Of a range: more lines nobody tells apart. */
export const MOST_DRAWN = 200;
/** Of a moment: more rows nobody reads. */
export const MOST_LISTED = 10_000;

interface Common {
  /** The body as it came. */
  text: string;
  warnings: string[];
  /** Whether the server left series out because of the limit. */
  cut: boolean;
  /** Time in ms that the server took to evaluate; null where it does not say. */
  tookMs: number | null;
}

export interface GraphAnswer extends Common {
  kind: 'graph';
  range: Range;
  step: number;
  times: number[];
  series: RangeSeries[];
}

export interface TableRow {
  key: string;
  labels: Labels;
  value: string;
  /** Unix ms. */
  time: number;
  /** Samples of a range vector; 1 for the rest. */
  samples: number;
}

export interface TableAnswer extends Common {
  kind: 'table';
  rows: TableRow[];
}

export type Answer = GraphAnswer | TableAnswer;

type Sample = [number, string];

interface Body {
  data: {
    resultType: 'matrix' | 'vector' | 'scalar' | 'string';
    result: Sample | { metric: Record<string, string>; value?: Sample; values?: Sample[] }[];
    stats?: { timings?: { evalTotalTime?: number } };
  };
  warnings?: string[];
  infos?: string[];
}

/** The parameters of a range, both ends on multiples of the step. */
export function rangeParameters(query: string, range: Range, step: number): Record<string, string> {
  const start = Math.ceil(range.fromMs / 1000 / step) * step;
  const end = Math.max(start, Math.floor(range.toMs / 1000 / step) * step);
  return { query, start: String(start), end: String(end), step: String(step) };
}

export async function askRange(query: string, range: Range, step: number, signal: AbortSignal): Promise<GraphAnswer> {
  const parameters = rangeParameters(query, range, step);
  const [body, common] = await ask('api/v1/query_range', { ...parameters, limit: String(MOST_DRAWN) }, signal);
  const start = Number(parameters['start']);
  const points = Math.round((Number(parameters['end']) - start) / step) + 1;
  const times = Array.from({ length: points }, (_, index) => start + index * step);
  const result = body.data.resultType === 'matrix' ? (body.data.result as { metric: Labels; values?: Sample[] }[]) : [];
  const series = result.map(({ metric, values }) => ({ labels: metric, values: columnOf(values ?? [], start, step, points) }));
  return { ...common, kind: 'graph', range, step, times, series };
}

export async function askMoment(query: string, atMs: number, signal: AbortSignal): Promise<TableAnswer> {
  const parameters = { query, time: String(atMs / 1000), limit: String(MOST_LISTED) };
  const [body, common] = await ask('api/v1/query', parameters, signal);
  return { ...common, kind: 'table', rows: rowsOf(body) };
}

async function ask(path: string, parameters: Record<string, string>, signal: AbortSignal): Promise<[Body, Common]> {
  const form = new URLSearchParams({ ...parameters, stats: 'all' });
  const response = await request(apiUrl(path), { method: 'POST', body: form, signal });
  const text = await response.text();
  const body = JSON.parse(text) as Body;
  const warnings = [...(body.warnings ?? []), ...(body.infos ?? [])];
  const seconds = body.data.stats?.timings?.evalTotalTime;
  const cut = warnings.some((warning) => warning.includes('truncated due to limit'));
  return [body, {
    text,
    warnings: warnings.filter((warning) => !warning.includes('truncated due to limit')),
    cut,
    tookMs: seconds === undefined ? null : seconds * 1000,
  }];
}

function rowsOf(body: Body): TableRow[] {
  const { resultType, result } = body.data;
  if (resultType === 'scalar' || resultType === 'string') {
    const [time, value] = result as Sample;
    return [{ key: '0', labels: {}, value, time: time * 1000, samples: 1 }];
  }
  return (result as { metric: Labels; value?: Sample; values?: Sample[] }[]).map(({ metric, value, values }, index) => {
    const [time, text] = value ?? values?.at(-1) ?? [0, ''];
    return { key: String(index), labels: metric, value: text, time: time * 1000, samples: values?.length ?? 1 };
  });
}
