/** The question that the address asks, and its answer: old data stay until new ones arrive. */
import { useEffect, useState } from 'preact/hooks';
import { RequestError } from '../api/request';
import { fleet, nowMs, problem as liveProblem } from '../live/live';
import { parameter } from '../state/location';
import { parseRange, stepFor, type Range } from '../state/range';
import { askMoment, askRange, type Answer } from './ask';
import { parseStep } from './step';

export type Tab = 'graph' | 'table' | 'json';

export interface Question {
  query: string;
  tab: Tab;
  range: Range;
  /** Seconds. */
  step: number;
  stepText: string;
}

/** Points across the chart where no step is chosen. */
const POINTS = 300;

export function question(): Question {
  const range = parseRange(parameter('from'), parameter('to'), nowMs());
  const tab = parameter('tab');
  const stepText = parameter('step');
  return {
    query: parameter('q').slice(0, 20_000),
    tab: tab === 'table' || tab === 'json' ? tab : 'graph',
    range,
    step: parseStep(stepText) ?? stepFor(range, POINTS),
    stepText,
  };
}

export interface Asking {
  /** The newest that arrived, and the query it answers. */
  answer: Answer | null;
  answered: string;
  loading: boolean;
  problem: string;
}

/** Asks whenever the question changes, or `tries` does; what is no longer wanted is cancelled. */
export function useAnswer(asked: Question, tries: number): Asking {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [answered, setAnswered] = useState('');
  const [loading, setLoading] = useState(false);
  const [problem, setProblem] = useState('');
  const { query, stepText } = asked;
  const kind = asked.tab === 'table' ? 'table' : 'graph';
  const from = parameter('from');
  const to = parameter('to');
  // The server's clock comes with the first snapshot; without one the browser's must do.
  const ready = fleet.value !== null || liveProblem.value !== null;
  useEffect(() => {
    setProblem('');
    if (query.trim() === '') setAnswer(null);
    if (!ready || query.trim() === '') return setLoading(false);
    const abort = new AbortController();
    const now = question();
    setLoading(true);
    const asking: Promise<Answer> =
      kind === 'table' ? askMoment(query, now.range.toMs, abort.signal) : askRange(query, now.range, now.step, abort.signal);
    asking.then(
      (next) => {
        setAnswer(next);
        setAnswered(query);
        setLoading(false);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setProblem(wordsOf(error));
        setLoading(false);
      },
    );
    return () => abort.abort();
  }, [query, kind, from, to, stepText, ready, tries]);
  return { answer, answered, loading, problem };
}

function wordsOf(error: unknown): string {
  if (error instanceof RequestError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
