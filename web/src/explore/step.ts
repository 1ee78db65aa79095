/** Steps of a range query as people write them: `15s`, `1m`. Pure. */

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** The server's own bound on points of a series, as in Prometheus. */
export const MOST_POINTS = 11_000;

/** Seconds, or null where the text is no step. */
export function parseStep(text: string): number | null {
  const found = /^(\d{1,6})([smhd])?$/.exec(text.trim());
  if (found === null) return null;
  const seconds = Number(found[1]) * (UNITS[found[2] ?? 's'] ?? 1);
  return seconds > 0 ? seconds : null;
}

/** `90` as `90s`, `3600` as `1h`. */
export function writeStep(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    const size = UNITS[unit] ?? 1;
    if (seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}
