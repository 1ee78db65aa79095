/** A chart's uPlot options: axes, colours of the present theme, gaps, dashes, zoom, cursor. */
import uPlot from 'uplot';
import { shortTime } from '../format/format';
import { zone } from '../state/preferences';
import { axisOf, lonely, type Line } from './lines';
import { tooltip } from './tip';

export interface Wanted {
  times: readonly number[];
  lines: readonly Line[];
  /** A value on the axis. */
  format: (value: number) => string;
  /** A value in the list under the cursor. */
  raw: (value: number) => string;
  /** Top of the axis where the quantity has one. */
  top: number | null;
  fit: boolean;
  height: number;
  /** Charts of one name move their cursors together. */
  sync: string;
  onZoom: (fromMs: number, toMs: number) => void;
}

/** Colours that both themes have; from then on they come again, with dashes. */
const COLOURS = 6;
/** Lines from here on are dashed. */
const DASHED_FROM = 4;
/** Beyond this many lines, thinner ones are told apart better. */
const MANY = 8;

/** Which of the series colours, from 1, a line has; bounds take none. */
export function colourOf(lines: readonly Line[], index: number): number {
  return (lines.slice(0, index).filter((line) => !line.bound).length % COLOURS) + 1;
}

/** The class of a line's swatch. */
export function swatchOf(lines: readonly Line[], index: number): string {
  if (lines[index]?.bound) return 'swatch-bound';
  return `swatch-line s${colourOf(lines, index)}${index >= DASHED_FROM ? ' dashed' : ''}`;
}

export function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [[...times], ...lines.map((line) => [...line.values])] as uPlot.AlignedData;
}

export function options(wanted: Wanted, width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const ink = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: ink('dim'),
    font: `11px ${ink('font')}`,
    grid: { stroke: ink('line'), width: 1 },
    ticks: { show: false },
  };
  const { lines, times, top, fit } = wanted;
  const newestMs = (times.at(-1) ?? 0) * 1000;
  return {
    width,
    height: wanted.height,
    legend: { show: false },
    cursor: { sync: { key: wanted.sync }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    scales: { x: { time: false }, y: { range: (_plot, low, high) => axisOf(low ?? Infinity, high ?? -Infinity, fit, top) } },
    axes: [
      {
        ...axis, size: 24, space: 72, incrs: TIMES,
        splits: (plot, _axis, low, high, step) => ticks(plot, low, high, step),
        values: (_plot, at) => at.map((each) => shortTime(each * 1000, newestMs, zone.peek())),
      },
      { ...axis, size: (_plot, labels) => widthOf(labels), space: 32, values: (_plot, at) => at.map((each) => wanted.format(each)) },
    ],
    series: [{}, ...lines.map((line, index) => seriesOf(line, index, lines, ink))],
    plugins: [tooltip({ lines, raw: wanted.raw, colour: (index) => swatchOf(lines, index) })],
    hooks: { setSelect: [(plot) => zoom(plot, wanted.onZoom)] },
  };
}

/** Room for the labels of the axis: the same for most charts, so that their plots stand in line. */
function widthOf(labels: readonly string[] | null): number {
  const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
  return Math.max(72, Math.ceil(longest * 6.4) + 14);
}

function seriesOf(line: Line, index: number, lines: readonly Line[], ink: (name: string) => string): uPlot.Series {
  const stroke = line.bound ? ink('dim') : ink(`series-${colourOf(lines, index)}`);
  const dash = line.bound ? [4, 4] : index >= DASHED_FROM ? DASHES[Math.floor(index / COLOURS) % DASHES.length] : undefined;
  return {
    label: line.name,
    stroke,
    width: line.bound || lines.length > MANY ? 1 : 1.5,
    spanGaps: false,
    ...(dash === undefined ? {} : { dash }),
    points: {
      show: true,
      size: 4,
      fill: stroke,
      filter: (plot, nth) => {
        const [from, to] = plot.series[nth]?.idxs ?? [0, -1];
        return lonely((plot.data[nth] ?? []) as (number | null)[], from, to);
      },
    },
  };
}

const DASHES = [[8, 3], [3, 3], [12, 3, 3, 3], [2, 5]];

/** Steps of the time axis, in seconds, that people count in. */
const TIMES = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

/** Ticks on round times of the chosen zone, not of this computer's. */
function ticks(_plot: uPlot, low: number, high: number, step: number): number[] {
  const shift = step < 3600 ? 0 : offsetOf(low);
  const found: number[] = [];
  for (let at = Math.ceil((low + shift) / step) * step - shift; at <= high; at += step) found.push(at);
  return found;
}

/** Seconds that the chosen zone is ahead of UTC at a time. */
function offsetOf(seconds: number): number {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone.peek(), timeZoneName: 'longOffset' }).formatToParts(seconds * 1000);
  const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
  const found = /([+-])(\d{2}):?(\d{2})/.exec(name);
  if (found === null) return 0;
  return (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 3600 + Number(found[3]) * 60);
}

function zoom(plot: uPlot, onZoom: Wanted['onZoom']): void {
  const { left, width } = plot.select;
  // Less is a click.
  if (width < 4) return;
  onZoom(plot.posToVal(left, 'x') * 1000, plot.posToVal(left + width, 'x') * 1000);
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}
