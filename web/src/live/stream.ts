/**
 * Brings the fleet to the page and keeps it fresh: a snapshot for the first paint, then the event
 * stream; polling with ETag where streams are cut; nothing while the tab is hidden. It reconnects
 * for ever, with a pause that grows to 30 s.
 */
import type { Cells, Snapshot } from '../api/snapshot';
import { apiUrl, request } from '../api/request';

export interface Listener {
  /** A whole snapshot: the first, or rows have moved. */
  whole(snapshot: Snapshot): void;
  cells(cells: Cells): void;
  /** Something came, changed or not: the server is there. */
  heard(): void;
  failed(error: Error): void;
}

/** Pauses before the next try, ms. */
const PAUSES = [1000, 2000, 5000, 10_000, 30_000] as const;
/** After so many streams in a row that broke before an event, polling takes over. */
const STREAM_TRIES = 3;
/** A stream that says nothing for so long is dead: three of the server's comments. */
const SILENCE_MS = 45_000;

export class Stream {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private abort: AbortController | null = null;
  private failures = 0;
  private etag = '';
  private intervalMs = 5000;
  private stopped = false;

  constructor(
    private readonly listener: Listener,
    private readonly include: string,
  ) {}

  /** Starts, with a snapshot first, and follows the tab's visibility. */
  start(): void {
    document.addEventListener('visibilitychange', this.onVisibility);
    void this.poll(true);
  }

  stop(): void {
    this.stopped = true;
    document.removeEventListener('visibilitychange', this.onVisibility);
    this.close();
  }

  /** Tries now instead of after the pause. */
  retry(): void {
    this.close();
    this.failures = 0;
    void this.poll(true);
  }

  private readonly onVisibility = (): void => {
    this.close();
    if (document.visibilityState === 'visible') this.connect();
  };

  private close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.abort?.abort();
    this.abort = null;
  }

  private query(): Record<string, string> {
    return { include: this.include };
  }

  /** One snapshot; then the stream, or the next poll where streams do not live. */
  private async poll(thenStream: boolean): Promise<void> {
    this.abort = new AbortController();
    const { signal } = this.abort;
    try {
      const headers: HeadersInit = this.etag === '' ? {} : { 'if-none-match': this.etag };
      const response = await request(apiUrl('api/v1/snapshot', this.query()), { signal, headers });
      if (response.status !== 304) {
        const snapshot = (await response.json()) as Snapshot;
        this.etag = response.headers.get('etag') ?? '';
        this.takeWhole(snapshot);
      }
      this.listener.heard();
    } catch (error) {
      if (signal.aborted) return;
      this.listener.failed(error instanceof Error ? error : new Error(String(error)));
      this.later(() => void this.poll(true));
      return;
    }
    if (this.stopped || document.visibilityState === 'hidden') return;
    if (thenStream) this.connect();
    else this.timer = setTimeout(() => void this.poll(false), this.intervalMs);
  }

  private connect(): void {
    if (this.stopped || this.source !== null) return;
    if (this.failures >= STREAM_TRIES) {
      void this.poll(false);
      return;
    }
    const source = new EventSource(apiUrl('api/v1/stream', this.query()));
    this.source = source;
    source.addEventListener('full', (event) => this.takeWhole(this.read<Snapshot>(event)));
    source.addEventListener('structure', (event) => this.takeWhole(this.read<Snapshot>(event)));
    source.addEventListener('cells', (event) => this.listener.cells(this.read<Cells>(event)));
    source.onopen = () => this.watchSilence();
    source.onerror = () => this.broke();
  }

  private read<T>(event: MessageEvent<string>): T {
    this.failures = 0;
    this.listener.heard();
    this.watchSilence();
    return JSON.parse(event.data) as T;
  }

  private takeWhole(snapshot: Snapshot): void {
    this.intervalMs = Math.max(1000, snapshot.interval_s * 1000);
    this.listener.whole(snapshot);
  }

  private watchSilence(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.broke(), SILENCE_MS);
  }

  /** The browser would reconnect by itself, but for ever at one pace and not after an error status. */
  private broke(): void {
    this.close();
    this.failures += 1;
    this.later(() => void this.poll(this.failures < STREAM_TRIES));
  }

  private later(then: () => void): void {
    if (this.stopped) return;
    const pause = PAUSES[Math.min(this.failures, PAUSES.length - 1)] ?? 30_000;
    this.timer = setTimeout(then, pause);
    this.failures += 1;
  }
}
