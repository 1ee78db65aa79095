/**
 * Time ranges as links write them: `now-1h` to `now`, or RFC 3339. Pure; `nowMs` is the server's.
 */

export interface Range {
  fromMs: number;
  toMs: number;
}

/** What the picker offers; the first parameter of each is what the link carries. */
export const PRESETS = ['now-15m', 'now-1h', 'now-3h', 'now-6h', 'now-24h', 'now-2d', 'now-7d'] as const;
export const DEFAULT_FROM = 'now-1h';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** A point in time in ms, or null where the text is none. */
export function parseTime(text: string, nowMs: number): number | null {
  const relative = /^now(?:-(\d{1,6})([smhdw]))?$/.exec(text.trim());
  if (relative) {
    const seconds = Number(relative[1] ?? 0) * (UNITS[relative[2] ?? 's'] ?? 1);
    return nowMs - seconds * 1000;
  }
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text.trim())) return null;
  const ms = Date.parse(text.trim());
  return Number.isNaN(ms) ? null : ms;
}

/** The range that a link asks for; what cannot be read falls back to the last hour. */
export function parseRange(from: string, to: string, nowMs: number): Range {
  const toMs = (to === '' ? null : parseTime(to, nowMs)) ?? nowMs;
  const fromMs = (from === '' ? null : parseTime(from, nowMs)) ?? parseTime(DEFAULT_FROM, nowMs) ?? toMs;
  return fromMs < toMs ? { fromMs, toMs } : { fromMs: toMs - 3_600_000, toMs };
}

/** `1h` of `now-1h`; `""` where it is no plain relative range up to now. */
export function spanOf(from: string, to: string): string {
  if (to !== '' && to !== 'now') return '';
  return /^now-(\d{1,6}[smhdw])$/.exec(from === '' ? DEFAULT_FROM : from)?.[1] ?? '';
}

/** Whether the range moves on with time. */
export function isRelative(to: string): boolean {
  return to === '' || to.startsWith('now');
}

/** How often history may be asked anew; `""` is as often as a step adds a point. */
export const REFRESHES = ['', '30s', '1m', '5m', 'off'] as const;

/** The pause between two questions in seconds; Infinity where the person has stopped it. */
export function refreshSeconds(text: string, step: number): number {
  if (text === 'off') return Number.POSITIVE_INFINITY;
  const match = /^(\d{1,5})([smh])$/.exec(text);
  const seconds = match === null ? 0 : Number(match[1]) * (UNITS[match[2] ?? 's'] ?? 1);
  return Math.max(seconds, step);
}

/** Steps in seconds that divide minutes and hours evenly. */
const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400] as const;

/** A step, in seconds, that gives at most `points` points over the range. */
export function stepFor(range: Range, points: number): number {
  const least = (range.toMs - range.fromMs) / 1000 / points;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / 86_400) * 86_400;
}
