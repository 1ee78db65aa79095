/** The list of values under the cursor: time and its age, then name, value and the field it comes from. */
import uPlot from 'uplot';
import { dateTime, shortDuration, zoneName } from '../format/format';
import { nowMs } from '../live/live';
import { zone } from '../state/preferences';
import { t } from '../words/words';
import { nearest, type Line } from './lines';

/** Rows that fit beside a chart. */
const MOST = 10;

export interface Tip {
  lines: readonly Line[];
  /** The value as it is, with its unit. */
  raw: (value: number) => string;
  /** The class that gives a line its colour. */
  colour: (index: number) => string;
}

export function tooltip(tip: Tip): uPlot.Plugin {
  const box = document.createElement('div');
  box.className = 'chart-tip';
  box.hidden = true;
  const one = onlySource(tip.lines);
  return {
    hooks: {
      init: (plot) => void plot.over.append(box),
      setCursor: (plot) => {
        const { idx, left = -1, top = -1 } = plot.cursor;
        const time = idx === null || idx === undefined ? undefined : plot.data[0][idx];
        box.hidden = time === undefined || left < 0;
        if (box.hidden || time === undefined || idx === null || idx === undefined) return;
        const values = tip.lines.map((_, nth) => plot.data[nth + 1]?.[idx]);
        const shown = nearest(values, plot.posToVal(top, 'y'), MOST);
        box.replaceChildren(head(time * 1000));
        // A field that all come from is said once.
        if (one !== null) box.append(text('code', one));
        box.append(...shown.map((nth) => row(tip, nth, values[nth], one === null)));
        if (shown.length < values.length) box.append(text('p', `+${values.length - shown.length}`));
        place(box, plot.over, left);
      },
    },
  };
}

function head(ms: number): HTMLElement {
  const age = Math.max(0, nowMs() - ms) / 1000;
  return text('p', `${dateTime(ms, zone.peek())} ${zoneName(zone.peek(), ms)} · ${t('ago', { span: shortDuration(age) })}`);
}

/** The field of every line that has one; null where they differ or there is none. */
function onlySource(lines: readonly Line[]): string | null {
  const sources = new Set(lines.flatMap((line) => line.source ?? []));
  const [only] = sources;
  return sources.size === 1 && lines.length > 1 && only !== undefined ? only : null;
}

function row(tip: Tip, nth: number, value: number | null | undefined, sourced: boolean): HTMLElement {
  const line = tip.lines[nth];
  const row = document.createElement('div');
  const swatch = document.createElement('span');
  swatch.className = tip.colour(nth);
  const said = value === null || value === undefined ? '—' : tip.raw(value);
  row.append(swatch, text('span', line?.name ?? ''), text('b', said));
  if (sourced && line?.source !== undefined) row.append(text('code', line.source));
  return row;
}

function text(tag: string, words: string): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = words;
  return element;
}

/** On the side of the cursor that has more room. */
function place(box: HTMLElement, over: HTMLElement, left: number): void {
  const right = left < over.clientWidth / 2;
  box.style.left = right ? `${left + 12}px` : '';
  box.style.right = right ? '' : `${over.clientWidth - left + 12}px`;
}
