/** An answer as rows, for copies and files. */
import type { Sheet } from '../copy/exports';
import { iso } from '../format/format';
import { t } from '../words/words';
import type { Answer } from './ask';
import { nameSeries, written } from './naming';

export function sheetOf(answer: Answer): Sheet {
  if (answer.kind === 'table') {
    return {
      keys: ['series', 'value', 'time'],
      heads: [t('series'), t('value'), t('time')],
      rows: answer.rows.map((row) => [written(row.labels), row.value, iso(row.time)]),
    };
  }
  const { names } = nameSeries(answer.series.map((series) => series.labels));
  return {
    keys: ['time', ...answer.series.map((series) => written(series.labels))],
    heads: [t('time'), ...names],
    rows: answer.times.map((time, index) => [
      iso(time * 1000),
      ...answer.series.map((series) => String(series.values[index] ?? '')),
    ]),
  };
}
