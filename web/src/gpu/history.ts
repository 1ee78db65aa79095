/** The history of one GPU: its metrics in one query, its sessions in two, what it lacks in one; asked anew as time goes on. */
import { useEffect, useState } from 'preact/hooks';
import { queryRange, quoted, type RangeAnswer } from '../api/query';
import { fleet, newestMs, nowMs } from '../live/live';
import { parameter } from '../state/location';
import { isRelative, parseRange, refreshSeconds, stepFor, type Range } from '../state/range';
import { FIELDS, METRICS } from './charts';

export interface History {
  range: Range;
  step: number;
  metrics: RangeAnswer;
  sessions: RangeAnswer;
  states: RangeAnswer;
  /** Why a metric has no value on this GPU, by its name. */
  lacks: ReadonlyMap<string, string>;
}

export interface HistoryState {
  /** The newest that arrived; stays while the next is on its way. */
  history: History | null;
  loading: boolean;
  problem: string;
  retry: () => void;
}

/** Points across a chart. */
const POINTS = 360;

/** The metrics of a GPU and of its instances. */
export function metricsQuery(uuid: string): string {
  return `{__name__=~"${METRICS.join('|')}",UUID=${quoted(uuid)}}`;
}

function infoQuery(uuid: string): string {
  return `gpu_session_info{UUID=${quoted(uuid)}}`;
}

/** Whether each session of the GPU was in use: its state where that is 1. */
function stateQuery(uuid: string): string {
  return `(gpu_session_state{state=~"idle|held|stale"} == 1) and on (session, instance) ${infoQuery(uuid)}`;
}

/** The fields that the exporter could not read on this GPU, with the reason. */
function lacksQuery(uuid: string, index: string): string {
  const fields = `field=~"${FIELDS.join('|')}",gpu=${quoted(index)}`;
  return `gpulse_field_supported{${fields}} and on (instance) gpu_device_info{UUID=${quoted(uuid)}}`;
}

function lacksOf(answer: RangeAnswer): Map<string, string> {
  return new Map(answer.series.map(({ labels }) => [labels['field'] ?? '', labels['reason'] ?? '']));
}

export function useHistory(uuid: string): HistoryState {
  const [history, setHistory] = useState<History | null>(null);
  const [loading, setLoading] = useState(false);
  const [problem, setProblem] = useState('');
  const [tries, setTries] = useState(0);
  const from = parameter('from');
  const to = parameter('to');
  const ready = fleet.value !== null;
  const step = stepFor(parseRange(from, to, nowMs()), POINTS);
  // A relative range moves on by one step at a time, not with every reading.
  const pause = refreshSeconds(parameter('refresh'), step);
  const moment = isRelative(to) ? Math.floor((newestMs.value ?? 0) / 1000 / pause) : 0;
  useEffect(() => {
    if (!ready) return;
    const abort = new AbortController();
    const range = parseRange(from, to, nowMs());
    const ask = (query: string): Promise<RangeAnswer> => queryRange(query, range, step, abort.signal);
    setLoading(true);
    const index = fleet.peek()?.text('gpu', 'index', fleet.peek()?.gpuRow(uuid) ?? -1) ?? '';
    Promise.all([ask(metricsQuery(uuid)), ask(infoQuery(uuid)), ask(stateQuery(uuid)), ask(lacksQuery(uuid, index))]).then(
      ([metrics, sessions, states, lacks]) => {
        setHistory({ range, step, metrics, sessions, states, lacks: lacksOf(lacks) });
        setProblem('');
        setLoading(false);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setProblem(error instanceof Error ? error.message : String(error));
        setLoading(false);
      },
    );
    return () => abort.abort();
  }, [uuid, from, to, step, moment, ready, tries]);
  return { history, loading, problem, retry: () => setTries(tries + 1) };
}
