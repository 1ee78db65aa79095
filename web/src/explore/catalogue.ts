/**
 * Names for completion, asked of the server as they are needed and kept for a while: metrics with
 * type and help, labels, values. Bounded by `limit=`; what cannot be had is simply not offered.
 */
import type { PrometheusClient, MetricMetadata } from '@prometheus-io/codemirror-promql/dist/esm/client/prometheus';
import { EqlRegex, Neq, NeqRegex } from '@prometheus-io/lezer-promql';
import { apiUrl, request } from '../api/request';
import { quoted } from '../api/query';
import { nowMs } from '../live/live';

type Matchers = Parameters<PrometheusClient['labelValues']>[2];

/** Names of one kind that a list can hold. */
const MOST = 5000;
/** How long an answer is kept, in ms: new names are rare. */
const KEPT_MS = 60_000;
/** Names are offered of what reported in this time before now, in s. */
const RECENT_S = 12 * 3600;

/** By the grammar's node of the operator; its text is otherwise `=`. */
const OPERATORS: Readonly<Record<number, string>> = { [Neq]: '!=', [EqlRegex]: '=~', [NeqRegex]: '!~' };

export class Catalogue implements PrometheusClient {
  readonly #kept = new Map<string, { until: number; answer: Promise<unknown> }>();
  readonly #abort = new AbortController();

  metricNames(): Promise<string[]> {
    return this.labelValues('__name__');
  }

  labelNames(metric?: string): Promise<string[]> {
    return this.#ask('api/v1/labels', this.#recent(metric), []);
  }

  labelValues(label: string, metric?: string, matchers?: Matchers): Promise<string[]> {
    const path = `api/v1/label/${encodeURIComponent(label)}/values`;
    // The matcher of this label is the one that is being written.
    const others = matchers?.filter((matcher) => matcher.name !== label);
    return this.#ask(path, this.#recent(metric, others), []);
  }

  metricMetadata(): Promise<Record<string, MetricMetadata[]>> {
    return this.#ask('api/v1/metadata', { limit: String(MOST), limit_per_metric: '1' }, {});
  }

  async series(metric: string, matchers?: Matchers): Promise<Map<string, string>[]> {
    const found = await this.#ask<Record<string, string>[]>('api/v1/series', this.#recent(metric, matchers), []);
    return found.map((labels) => new Map(Object.entries(labels)));
  }

  flags(): Promise<Record<string, string>> {
    return this.#ask('api/v1/status/flags', {}, {});
  }

  destroy(): void {
    this.#abort.abort();
  }

  #recent(metric?: string, matchers?: Matchers): Record<string, string> {
    const now = Math.round(nowMs() / 60_000) * 60;
    const parts = (matchers ?? [])
      .filter((matcher) => matcher.value !== '')
      .map(({ name, type, value }) => `${name}${OPERATORS[type] ?? '='}"${value.replaceAll('"', '\\"')}"`);
    if (metric !== undefined && metric !== '') parts.unshift(`__name__=${quoted(metric)}`);
    return {
      start: String(now - RECENT_S),
      end: String(now + 60),
      limit: String(MOST),
      ...(parts.length === 0 ? {} : { 'match[]': `{${parts.join(',')}}` }),
    };
  }

  async #ask<Data>(path: string, parameters: Record<string, string>, otherwise: Data): Promise<Data> {
    const url = apiUrl(path, parameters);
    const kept = this.#kept.get(url);
    if (kept !== undefined && kept.until > Date.now()) return kept.answer as Promise<Data>;
    const answer = request(url, { signal: this.#abort.signal })
      .then((response) => response.json() as Promise<{ data: Data }>)
      .then((body) => body.data)
      .catch(() => {
        this.#kept.delete(url);
        return otherwise;
      });
    this.#kept.set(url, { until: Date.now() + KEPT_MS, answer });
    return answer;
  }
}
