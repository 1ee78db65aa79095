/**
 * The unit of an answer, where it is sure: every series is of metrics whose names say it, and the
 * expression changes nothing but the choice among values. Else a plain number. Pure.
 */
import { celsius, megahertz, memory, number, percent, watts } from '../format/format';

export interface Unit {
  /** On the axis and in the legend: short. */
  format: (value: number) => string;
  /** Under the cursor and in the table: every digit there is. */
  raw: (value: number) => string;
  /** Top of the axis from zero. */
  top?: number;
}

interface Row {
  name: RegExp;
  unit: string;
  format: (value: number) => string;
  top?: number;
}

const NBSP = '\u00a0';

/** Metrics by name. DCGM's own conventions: *_UTIL in percent, FB_* in MiB, PROF_*_ACTIVE a ratio. */
const UNITS: readonly Row[] = [
  { name: /WEIGHTED_GPU_UTIL$|^DCGM_FI_PROF_\w+_ACTIVE$|_PERCENT$|_ratio$/, unit: '', format: ratio, top: 1 },
  { name: /^DCGM_FI_DEV_\w+_UTIL$/, unit: '%', format: (value) => percent(value), top: 100 },
  { name: /^DCGM_FI_DEV_FB_/, unit: 'MiB', format: memory },
  { name: /^DCGM_FI_DEV_POWER_/, unit: 'W', format: watts },
  { name: /^DCGM_FI_DEV_\w*TEMP\w*$/, unit: '°C', format: celsius },
  { name: /^DCGM_FI_DEV_\w*CLOCK$/, unit: 'MHz', format: megahertz },
  { name: /_bytes$/, unit: 'bytes', format: (value) => memory(value / 1024 ** 2) },
];

const PLAIN: Unit = { format: compact, raw: exact };

/** `expression` is what was asked, `metrics` the names that came with the answer. */
export function unitOf(expression: string, metrics: ReadonlySet<string>): Unit {
  const names = metrics.size > 0 ? [...metrics] : chosenMetric(expression);
  const rows = names.map((name) => UNITS.find((row) => row.name.test(name)));
  const [first] = rows;
  if (first === undefined || rows.some((row) => row !== first)) return PLAIN;
  const raw = (value: number): string => (first.unit === '' ? exact(value) : `${exact(value)}${NBSP}${first.unit}`);
  return { format: first.format, raw, ...(first.top === undefined ? {} : { top: first.top }) };
}

/** The metric inside an aggregation that gives one of its values, or a mean of them. */
function chosenMetric(expression: string): string[] {
  const found = /^\s*(?:avg|min|max)\s*(?:(?:by|without)\s*\([^()]*\)\s*)?\(\s*([A-Za-z_:][\w:]*)\s*(?:\{[^{}]*\})?\s*\)\s*(?:(?:by|without)\s*\([^()]*\)\s*)?$/.exec(expression);
  return found?.[1] === undefined ? [] : [found[1]];
}

function ratio(value: number): string {
  return number(value, 2);
}

/** Four digits that count, and a letter for thousands. */
export function compact(value: number): string {
  const size = Math.abs(value);
  for (const [least, letter] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e4, 'k']] as const) {
    if (size >= least) return `${digits(value / (letter === 'k' ? 1e3 : least))}${letter}`;
  }
  return digits(value);
}

function digits(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1);
  return String(Number(value.toPrecision(4)));
}

/** As it is, without what floating point adds at the end. */
export function exact(value: number): string {
  return String(Number(value.toPrecision(12)));
}
