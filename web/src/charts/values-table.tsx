/** The same data as a table, for who cannot use the picture: newest first, a column for each line. */
import { dateTime } from '../format/format';
import { zone } from '../state/preferences';
import { t } from '../words/words';
import type { Line } from './lines';

interface Props {
  title: string;
  times: readonly number[];
  lines: readonly Line[];
  raw: (value: number) => string;
}

/** A table of a chart is read, not searched: the copy menu has everything. */
const MOST_ROWS = 60;
const MOST_COLUMNS = 20;

export function ValuesTable({ title, times, lines, raw }: Props) {
  const shown = lines.filter((line) => !line.bound).slice(0, MOST_COLUMNS);
  const newest = [...times.keys()].slice(-MOST_ROWS).toReversed();
  return (
    <div class="values" role="region" aria-label={title} tabIndex={0}>
      <table>
        <caption class="dim">{t('shownOf', { shown: newest.length, total: times.length })}</caption>
        <thead>
          <tr>
            <th scope="col">{t('time')}</th>
            {shown.map((line) => (
              <th scope="col" class="number" key={line.name}>
                {line.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {newest.map((index) => (
            <tr key={times[index]}>
              <th scope="row">{dateTime((times[index] ?? 0) * 1000, zone.value)}</th>
              {shown.map((line) => {
                const value = line.values[index] ?? null;
                return (
                  <td class="number" key={line.name}>
                    {value === null ? '—' : raw(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
