/** From the samples of session series to bars on the session strip. Pure. */
import type { RangeAnswer } from '../api/query';

export interface Span {
  session: string;
  labels: Readonly<Record<string, string>>;
  /** Unix seconds; the end is that of the last step in which it was there. */
  from: number;
  to: number;
  /** Whether it is still there at the newest point. */
  goesOn: boolean;
  /** Parts in which the session was idle, held or stale. */
  idle: { from: number; to: number }[];
}

/** One row of the strip: the whole GPU, or one instance. */
export interface Strip {
  name: string;
  lanes: Span[][];
}

export function spansOf(sessions: RangeAnswer, states: RangeAnswer, step: number): Span[] {
  const idle = new Map<string, { from: number; to: number }[]>();
  for (const series of states.series) {
    const parts = runs(series.values, states.times, step);
    const key = series.labels['session'] ?? '';
    idle.set(key, [...(idle.get(key) ?? []), ...parts]);
  }
  const newest = sessions.times.at(-1) ?? 0;
  return sessions.series.flatMap((series) => {
    const session = series.labels['session'] ?? '';
    return runs(series.values, sessions.times, step).map(({ from, to }) => ({
      session,
      labels: series.labels,
      from,
      to: Math.min(to, newest),
      goesOn: to >= newest,
      idle: (idle.get(session) ?? []).filter((part) => part.to > from && part.from < to),
    }));
  });
}

/** Unbroken runs of samples; one missing step is bridged. */
function runs(values: readonly (number | null)[], times: readonly number[], step: number): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  values.forEach((value, index) => {
    if (value === null) return;
    const time = times[index] ?? 0;
    const last = found.at(-1);
    if (last !== undefined && time - last.to <= step) last.to = time + step;
    else found.push({ from: time, to: time + step });
  });
  return found;
}

/** Spans by device, in lanes so that none covers another. */
export function stripsOf(spans: readonly Span[], nameOf: (span: Span) => string): Strip[] {
  const strips = new Map<string, Strip>();
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const name = nameOf(span);
    let strip = strips.get(name);
    if (strip === undefined) {
      strip = { name, lanes: [] };
      strips.set(name, strip);
    }
    const lane = strip.lanes.find((each) => (each.at(-1)?.to ?? 0) <= span.from);
    if (lane === undefined) strip.lanes.push([span]);
    else lane.push(span);
  }
  return [...strips.values()].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}
