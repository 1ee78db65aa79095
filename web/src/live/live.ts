/**
 * The live fleet as signals. `fleet` is set anew by every snapshot; `tick` rises with every change,
 * so that who reads cells reads `tick` too. Also the page's clock: the server's, never this
 * machine's, because the two may differ by years (a demo with a fixed clock).
 */
import { computed, effect, signal } from '@preact/signals';
import { RequestError } from '../api/request';
import { Fleet } from './fleet';
import { Stream } from './stream';

export const fleet = signal<Fleet | null>(null);
/** Rises with every change of any cell. */
export const tick = signal(0);
/** Rises when rows may have moved. */
export const structure = signal(0);
/** Why the last attempt failed, and whether there was an answer at all; null while things work. */
export const problem = signal<{ words: string; answered: boolean } | null>(null);
/** Whether the page's present one needs the table `session`. */
export const wantsSessions = signal(false);

/** When the time of the newest reading last moved on, in this page's monotonic ms. */
const freshAt = signal(0);
/** Ticks once a second so that ages and staleness are seen. */
const second = signal(0);

export type Freshness = 'loading' | 'live' | 'late' | 'stale';

/** Amber after 2 intervals without news, stale after 5. */
export const freshness = computed<Freshness>(() => {
  void second.value;
  const present = fleet.value;
  if (present === null) return 'loading';
  const intervals = (performance.now() - freshAt.value) / 1000 / Math.max(1, present.snapshot.interval_s);
  return intervals > 5 ? 'stale' : intervals > 2 ? 'late' : 'live';
});

/** The server's time now, unix ms: that of the newest reading, carried on by this page's clock. */
export function nowMs(): number {
  const present = fleet.peek();
  return present === null ? Date.now() : present.atMs + (performance.now() - freshAt.peek());
}

/** The newest reading's time, unix ms; null before the first. */
export const newestMs = computed<number | null>(() => {
  void tick.value;
  return fleet.value?.atMs ?? null;
});

/** How far back the history being filled reaches; null while none is filled. */
export const backfillMs = computed<number | null>(() => {
  void tick.value;
  const until = fleet.value?.snapshot.backfill ?? null;
  return until === null ? null : Date.parse(until);
});

/** The fleet, read so that the caller renders again with every change. */
export function useFleet(): Fleet | null {
  void tick.value;
  return fleet.value;
}

let stream: Stream | null = null;

function listen(include: string): void {
  stream?.stop();
  stream = new Stream(
    {
      whole(snapshot) {
        const moved = fleet.peek()?.snapshot.at !== snapshot.at;
        fleet.value = new Fleet(snapshot);
        structure.value += 1;
        changed(moved);
      },
      cells(cells) {
        const present = fleet.peek();
        if (present === null) return;
        const moved = present.snapshot.at !== cells.at;
        present.apply(cells);
        if (cells.replace?.session !== undefined) structure.value += 1;
        changed(moved);
      },
      heard() {
        problem.value = null;
      },
      failed(error) {
        problem.value = { words: error.message, answered: error instanceof RequestError && error.status > 0 };
      },
    },
    include,
  );
  stream.start();
}

function changed(moved: boolean): void {
  if (moved) freshAt.value = performance.now();
  tick.value += 1;
}

export function retryNow(): void {
  stream?.retry();
}

/** Starts listening; asks for sessions only while a page shows them. */
export function startLive(): void {
  effect(() => listen(wantsSessions.value ? 'session' : ''));
  setInterval(() => {
    if (document.visibilityState === 'visible') second.value += 1;
  }, 1000);
}
