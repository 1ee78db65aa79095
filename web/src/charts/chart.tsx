/**
 * A time series chart on uPlot: up to a few lines, one unit, an axis from zero, and bounds such as
 * a power limit as dashed lines. Cursors of all charts with one `sync` name move together;
 * dragging chooses a range. Its text alternative is a summary of each line.
 */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import '../style/chart.css';
import { dateTime, shortTime } from '../format/format';
import { theme, zone } from '../state/preferences';

export interface Line {
  name: string;
  /** As long as `times`; null where there is no sample. */
  values: readonly (number | null)[];
  /** A bound: dashed, in the colour of dim text. */
  bound?: boolean;
}

interface Props {
  title: string;
  /** Unix seconds. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  /** Top of the axis where the quantity has one. */
  max?: number;
  sync: string;
  onZoom: (fromMs: number, toMs: number) => void;
}

const HEIGHT = 150;

export function Chart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const { times, lines, title, format } = props;
  const shape = `${theme.value}/${zone.value}/${lines.map((line) => line.name).join('/')}/${props.max ?? ''}`;
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const made = new uPlot(options(props, element.clientWidth), dataOf(props), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf(props)), [times, lines]);
  return (
    <figure class="panel chart" aria-label={title}>
      <figcaption>
        <h3>{title}</h3>
        <ul>
          {lines.map((line, index) => (
            <li key={line.name} class={line.bound ? 'dim' : ''}>
              <span class={line.bound ? 'swatch-bound' : `swatch-line s${colourOf(lines, index)}`} aria-hidden="true" />
              {line.name} <b>{lastOf(line, format)}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={host} class="plot" role="img" aria-label={summary(props)} style={{ height: `${HEIGHT}px` }} />
    </figure>
  );
}

/** Which of the series colours a line has: bounds take none. */
function colourOf(lines: readonly Line[], index: number): number {
  return lines.slice(0, index).filter((line) => !line.bound).length + 1;
}

function lastOf(line: Line, format: (value: number) => string): string {
  const last = line.values.findLast((value) => value !== null);
  return last === undefined || last === null ? '—' : format(last);
}

function summary({ title, lines, format }: Props): string {
  const parts = lines.filter((line) => !line.bound).map((line) => {
    const known = line.values.filter((value) => value !== null);
    if (known.length === 0) return `${line.name}: —`;
    return `${line.name}: ${format(Math.min(...known))} … ${format(Math.max(...known))}, ${lastOf(line, format)}`;
  });
  return `${title}. ${parts.join('. ')}`;
}

function dataOf({ times, lines }: Props): uPlot.AlignedData {
  return [[...times], ...lines.map((line) => [...line.values])] as uPlot.AlignedData;
}

function options(props: Props, width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const ink = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: ink('dim'),
    font: `11px ${ink('font')}`,
    grid: { stroke: ink('line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: props.sync }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, _low, high) => [0, props.max ?? Math.max(high * 1.08, 1e-9)] } },
    axes: [
      { ...axis, size: 24, space: 72, values: (_plot, at) => at.map((each) => tickText(each, props.times)) },
      { ...axis, size: 64, space: 26, values: (_plot, at) => at.map((each) => props.format(each)) },
    ],
    series: [
      {},
      ...props.lines.map((line, index) => ({
        label: line.name,
        stroke: line.bound ? ink('dim') : ink(`series-${colourOf(props.lines, index)}`),
        width: line.bound ? 1 : 1.5,
        ...(line.bound ? { dash: [4, 4] } : {}),
        points: { show: false },
      })),
    ],
    plugins: [tooltip(props)],
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width: chosen } = plot.select;
          if (chosen < 4) return;
          props.onZoom(plot.posToVal(left, 'x') * 1000, plot.posToVal(left + chosen, 'x') * 1000);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** A tick's time; on the day of the newest point without the date. */
function tickText(seconds: number, times: readonly number[]): string {
  return shortTime(seconds * 1000, (times.at(-1) ?? seconds) * 1000, zone.peek());
}

/** A small list of the values under the cursor. */
function tooltip(props: Props): uPlot.Plugin {
  const box = document.createElement('div');
  box.className = 'chart-tip';
  box.hidden = true;
  return {
    hooks: {
      init: (plot) => void plot.over.append(box),
      setCursor: (plot) => {
        const { idx, left = -1 } = plot.cursor;
        box.hidden = idx === null || idx === undefined || left < 0;
        if (box.hidden || idx === null || idx === undefined) return;
        const time = plot.data[0][idx];
        if (time === undefined) return;
        const rows = props.lines.map((line, nth) => {
          const value = plot.data[nth + 1]?.[idx];
          return `${line.name}  ${value === null || value === undefined ? '—' : props.format(value)}`;
        });
        box.textContent = [dateTime(time * 1000, zone.peek()), ...rows].join('\n');
        const right = left < plot.over.clientWidth / 2;
        box.style.left = right ? `${left + 12}px` : '';
        box.style.right = right ? '' : `${plot.over.clientWidth - left + 12}px`;
      },
    },
  };
}
