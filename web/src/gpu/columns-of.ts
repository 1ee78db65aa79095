/** From the answers of a GPU's history to the lines of its charts. Pure. */
import type { RangeAnswer, RangeSeries } from '../api/query';
import type { ChartLine } from './charts';

/**
 * The column of one metric over the axis, brought to the chart's unit. With MIG, readings of the
 * board are repeated on every instance: the largest counts once. Memory is summed over instances,
 * because each has its own.
 */
export function columnOf(answer: RangeAnswer, line: ChartLine): (number | null)[] | null {
  const series = answer.series.filter((each) => each.labels['__name__'] === line.metric);
  if (series.length === 0) return null;
  const join = line.metric === 'DCGM_FI_DEV_FB_USED' ? (a: number, b: number) => a + b : Math.max;
  return answer.times.map((_, index) => {
    const value = joinAt(series, index, join);
    return value === null ? null : value * line.times;
  });
}

function joinAt(series: readonly RangeSeries[], index: number, join: (a: number, b: number) => number): number | null {
  let joined: number | null = null;
  for (const each of series) {
    const value = each.values[index] ?? null;
    if (value !== null) joined = joined === null ? value : join(joined, value);
  }
  return joined;
}
