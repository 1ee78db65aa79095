/**
 * A time series chart on uPlot: lines of one unit, and bounds such as a power limit as dashed lines.
 * The axis begins at zero until somebody wants it to fit. Cursors of all charts with one `sync`
 * name move together; dragging chooses a range. Gaps stay gaps. Its text alternatives are a
 * summary of the lines and, behind a button, the values as a table.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import '../style/chart.css';
import { Icon } from '../shell/icon';
import { theme, zone } from '../state/preferences';
import { t } from '../words/words';
import { figuresOf, summaryOf, type Line } from './lines';
import { dataOf, options, swatchOf, type Wanted } from './plot';
import { ValuesTable } from './values-table';

export type { Line } from './lines';

interface Props {
  title: string;
  /** Unix seconds. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  /** The value as it is, for the list under the cursor and the table; as `format` where absent. */
  raw?: (value: number) => string;
  /** Top of the axis where the quantity has one. */
  max?: number;
  sync: string;
  onZoom: (fromMs: number, toMs: number) => void;
  /** Height of the plot in px. */
  height?: number;
  /** Whether the caption lists the lines; not where a legend stands below. */
  listed?: boolean;
  /** Level of the title among the page's headings. */
  heading?: 2 | 3;
  /** Whether the axis fits the values, and who keeps that; the chart itself where absent. */
  fit?: boolean;
  onFit?: (fit: boolean) => void;
}

const HEIGHT = 150;

export function Chart(props: Props) {
  const [ownFit, setOwnFit] = useState(false);
  const [asTable, setAsTable] = useState(false);
  const fit = props.fit ?? ownFit;
  const { times, lines, title, format, raw = format, height = HEIGHT, listed = true, heading = 3 } = props;
  const host = usePlot(props, fit, raw, height);
  return (
    <figure class="panel chart" aria-label={title}>
      <figcaption>
        {heading === 2 ? <h2>{title}</h2> : <h3>{title}</h3>}
        {listed && <Lines lines={lines} format={format} />}
        <div class="chart-tools">
          <button
            type="button"
            class="button icon quiet"
            aria-pressed={fit}
            aria-label={`${t('fitAxis')}: ${title}`}
            title={t('fitAxis')}
            onClick={() => (props.onFit ?? setOwnFit)(!fit)}
          >
            <Icon name="fit" />
          </button>
          <button
            type="button"
            class="button icon quiet"
            aria-pressed={asTable}
            aria-label={`${t('asTable')}: ${title}`}
            title={t('asTable')}
            onClick={() => setAsTable(!asTable)}
          >
            <Icon name="rows" />
          </button>
        </div>
      </figcaption>
      <div
        ref={host}
        class="plot"
        role="img"
        aria-label={summaryOf(title, lines, format)}
        style={{ height: `${height}px` }}
      />
      {asTable && <ValuesTable title={title} times={times} lines={lines} raw={raw} />}
    </figure>
  );
}

function Lines({ lines, format }: { lines: readonly Line[]; format: (value: number) => string }) {
  return (
    <ul>
      {lines.map((line, index) => {
        const last = figuresOf(line.values)?.last;
        return (
          <li key={line.name} class={line.bound ? 'dim' : ''}>
            <span class={swatchOf(lines, index)} aria-hidden="true" />
            {line.name} <b>{last === undefined ? '—' : format(last)}</b>
          </li>
        );
      })}
    </ul>
  );
}

/**
 * What the plot is to show. Apart from the hook, so that none of these functions knows the element:
 * the browser keeps a plot's functions for a while after its page was left.
 */
function wantedOf(latest: { current: Props }, fit: boolean, raw: (value: number) => string, height: number): Wanted {
  const { times, lines, max, sync } = latest.current;
  return {
    times, lines, raw, fit, height, sync,
    format: (value) => latest.current.format(value),
    top: max ?? null,
    onZoom: (fromMs, toMs) => latest.current.onZoom(fromMs, toMs),
  };
}

/** The plot in its element: made anew when its shape, the theme or the zone changes, else given new data. */
function usePlot(props: Props, fit: boolean, raw: (value: number) => string, height: number) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const { times, lines, max } = props;
  const names = lines.map((line) => `${line.name}\u0000${line.source ?? ''}`).join('\u0000');
  const shape = `${theme.value}\n${zone.value}\n${t('ago')}\n${fit}\n${max ?? ''}\n${height}\n${names}`;
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const wanted = wantedOf(latest, fit, raw, height);
    const made = new uPlot(options(wanted, element.clientWidth), dataOf(wanted.times, wanted.lines), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf(times, lines)), [times, lines]);
  return host;
}
