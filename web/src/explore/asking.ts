/** The question that the address asks, and its answer: old data stay until new ones arrive. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { RequestError } from '../api/request';
import { backfillMs, fleet, newestMs, nowMs, problem as liveProblem } from '../live/live';
import { parameter } from '../state/location';
import { isRelative, parseRange, refreshSeconds, stepFor, type Range } from '../state/range';
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
/** A question is not asked again by itself more often, in s. */
const SELDOM = 15;

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
  /** Whether an answer is awaited that somebody asked for, not one that only moves on with time. */
  loading: boolean;
  problem: string;
}

/** Asks whenever the question changes, or `tries` does; what is no longer wanted is cancelled. */
export function useAnswer(asked: Question, tries: number): Asking {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [answered, setAnswered] = useState('');
  const [loading, setLoading] = useState(false);
  const [problem, setProblem] = useState('');
  const [quiet, setQuiet] = useState(false);
  const lastDue = useRef(0);
  const { query, stepText } = asked;
  const kind = asked.tab === 'table' ? 'table' : 'graph';
  const from = parameter('from');
  const to = parameter('to');
  // The server's clock comes with the first snapshot; without one the browser's must do.
  const ready = fleet.value !== null || liveProblem.value !== null;
  const due = useDue(asked, loading);
  useEffect(() => {
    setProblem('');
    if (query.trim() === '') setAnswer(null);
    if (!ready || query.trim() === '') return setLoading(false);
    const abort = new AbortController();
    const now = question();
    setLoading(true);
    setQuiet(due !== lastDue.current);
    lastDue.current = due;
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
  }, [query, kind, from, to, stepText, ready, tries, due]);
  return { answer, answered, loading: loading && !quiet, problem };
}

/** Rises when a range that moves on with time is to be asked again, or more of the past has come; never while an answer is awaited. */
function useDue(asked: Question, loading: boolean): number {
  const [due, setDue] = useState(0);
  const pause = refreshSeconds(parameter('refresh'), Math.max(SELDOM, asked.step));
  const moment = isRelative(parameter('to')) ? Math.floor((newestMs.value ?? 0) / 1000 / pause) : 0;
  const filling = backfillMs.value === null ? '' : String(moment);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current && !loading) setDue((before) => before + 1);
    first.current = false;
  }, [moment, filling]);
  return due;
}

function wordsOf(error: unknown): string {
  if (error instanceof RequestError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
