/** Lines of a chart as figures: least, mean, greatest, last; and what a chart says to who cannot see it. Pure. */

export interface Line {
  name: string;
  /** As long as the chart's times; null where there is no sample. */
  values: readonly (number | null)[];
  /** A bound such as a limit: dashed, in the colour of dim text. */
  bound?: boolean;
  /** The field that the values come from, such as DCGM_FI_DEV_POWER_USAGE. */
  source?: string;
}

export interface Figures {
  min: number;
  avg: number;
  max: number;
  last: number;
  /** Index of the last sample. */
  at: number;
}

/** Null where the line has no sample at all. */
export function figuresOf(values: readonly (number | null)[]): Figures | null {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let count = 0;
  let at = -1;
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    count += 1;
    at = index;
  }
  return count === 0 ? null : { min, avg: sum / count, max, last: values[at] as number, at };
}

/** Samples without a neighbour: a line through them is no line, so they are drawn as dots. */
export function lonely(values: readonly (number | null | undefined)[], from: number, to: number): number[] {
  const found: number[] = [];
  for (let index = from; index <= to; index += 1) {
    if (isNone(values[index])) continue;
    if (isNone(values[index - 1]) && isNone(values[index + 1])) found.push(index);
  }
  return found;
}

function isNone(value: number | null | undefined): boolean {
  return value === null || value === undefined;
}

/** Lines that a sentence can name; of more it says how many there are. */
const SPOKEN = 4;

/** A sentence for each of the first lines: from least to greatest, and the last. */
export function summaryOf(title: string, lines: readonly Line[], format: (value: number) => string): string {
  const real = lines.filter((line) => !line.bound);
  const parts = real.slice(0, SPOKEN).map((line) => {
    const figures = figuresOf(line.values);
    if (figures === null) return `${line.name}: —`;
    return `${line.name}: ${format(figures.min)} … ${format(figures.max)}, ${format(figures.last)}`;
  });
  if (real.length > SPOKEN) parts.push(`+${real.length - SPOKEN}`);
  return `${title}. ${parts.join('. ')}`;
}

/** Which lines the list under the cursor shows: all where they are few, else those nearest to it. */
export function nearest(values: readonly (number | null | undefined)[], at: number, most: number): number[] {
  const present = [...values.keys()];
  if (present.length <= most) return present;
  const distance = (index: number): number => {
    const value = values[index];
    return value === null || value === undefined ? Infinity : Math.abs(value - at);
  };
  return present
    .toSorted((a, b) => distance(a) - distance(b))
    .slice(0, most)
    .toSorted((a, b) => (values[b] ?? -Infinity) - (values[a] ?? -Infinity));
}

/** The axis: from zero, or as close to the values as they allow; a fixed top counts only from zero. */
export function axisOf(low: number, high: number, fit: boolean, top: number | null): [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, top ?? 1];
  if (fit) {
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return [low - room, high + room];
  }
  // Nothing but zeros: any room above them will do, but the steps must be told apart.
  if (low === 0 && high === 0 && top === null) return [0, 10];
  const least = Math.min(0, low * 1.08);
  return [least, Math.max(top ?? 0, high * (top === null || high > top ? 1.08 : 1), least + 1e-9)];
}
