/** The answer as a chart with its legend: common labels once, then a row of figures for each line. */
import { useMemo } from 'preact/hooks';
import { Chart } from '../charts/chart';
import { figuresOf, type Line } from '../charts/lines';
import { swatchOf } from '../charts/plot';
import { iso, number } from '../format/format';
import { parameter, setParameters } from '../state/location';
import { t } from '../words/words';
import type { GraphAnswer } from './ask';
import { nameSeries } from './naming';
import { unitOf, type Unit } from './unit';

/** More lines nobody tells apart at first sight; all of them on request. */
const SHOWN = 20;

/** gpu-2 before gpu-10: the answer of a range has no order of its own. */
const BY_NAME = new Intl.Collator('en', { numeric: true });

/** How many lines of the answer are drawn. */
export function drawnOf(answer: GraphAnswer): number {
  return parameter('all') === '1' ? answer.series.length : Math.min(SHOWN, answer.series.length);
}

export function Graph({ answer, query }: { answer: GraphAnswer; query: string }) {
  const drawn = drawnOf(answer);
  const { lines, unit, common } = useMemo(() => prepare(answer, query, drawn), [answer, drawn]);
  const zoom = (fromMs: number, toMs: number): void => setParameters({ from: iso(fromMs), to: iso(toMs) });
  const fit = parameter('fit') === '1';
  return (
    <div class="graph">
      <Chart
        title={t('graph')}
        times={answer.times}
        lines={lines}
        format={unit.format}
        raw={unit.raw}
        sync="explore"
        height={320}
        listed={false}
        heading={2}
        fit={fit}
        onFit={(next) => setParameters({ fit: next ? '1' : '' })}
        onZoom={zoom}
        {...(unit.top === undefined ? {} : { max: unit.top })}
      />
      {common.length > 0 && <Common labels={common} />}
      <Legend lines={lines} unit={unit} />
      <More answer={answer} drawn={drawn} />
    </div>
  );
}

function prepare(answer: GraphAnswer, query: string, drawn: number) {
  const all = answer.series.map((series) => series.labels);
  const { names, common } = nameSeries(all);
  const order = [...names.keys()].toSorted((a, b) => BY_NAME.compare(names[a] ?? '', names[b] ?? ''));
  const metrics = new Set(all.flatMap((labels) => labels['__name__'] ?? []));
  const lines = order.slice(0, drawn).flatMap((index): Line[] => {
    const series = answer.series[index];
    if (series === undefined) return [];
    const source = series.labels['__name__'];
    return [{ name: names[index] ?? '', values: series.values, ...(source === undefined ? {} : { source }) }];
  });
  return { lines, common, unit: unitOf(query, metrics) };
}

function Common({ labels }: { labels: readonly (readonly [string, string])[] }) {
  const [metric] = labels.filter(([name]) => name === '__name__');
  const rest = labels.filter(([name]) => name !== '__name__');
  return (
    <p class="common">
      <span class="dim">{t('commonLabels')}:</span>
      {metric !== undefined && <code>{metric[1]}</code>}
      {rest.map(([name, value]) => (
        <code key={name}>
          {name}="{value}"
        </code>
      ))}
    </p>
  );
}

function Legend({ lines, unit }: { lines: readonly Line[]; unit: Unit }) {
  return (
    <div class="table-box legend-box" role="region" aria-label={t('series')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('series')}</th>
            {(['min', 'avg', 'max', 'last'] as const).map((word) => (
              <th scope="col" class="number" key={word}>
                {t(word)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map((line, index) => {
            const figures = figuresOf(line.values);
            return (
              <tr key={line.name}>
                <th scope="row" title={line.name}>
                  <span class={swatchOf(lines, index)} aria-hidden="true" /> {line.name}
                </th>
                {(['min', 'avg', 'max', 'last'] as const).map((key) => (
                  <td class="number" key={key}>
                    {figures === null ? '—' : unit.format(figures[key])}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function More({ answer, drawn }: { answer: GraphAnswer; drawn: number }) {
  const total = answer.series.length;
  if (total <= SHOWN) return null;
  const all = drawn === total;
  return (
    <button type="button" class="button" onClick={() => setParameters({ all: all ? '' : '1' })}>
      {all ? t('showLess') : t('showAll', { n: number(total) })}
    </button>
  );
}
