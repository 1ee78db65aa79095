/** Explore: an expression in PromQL, and what the server answers as chart, table and JSON. */
import { useRef, useState } from 'preact/hooks';
import { CopyMenu } from '../copy/copy-menu';
import { dateTime, number, zoneName } from '../format/format';
import { href, navigate, parameters, setParameters } from '../state/location';
import { zone } from '../state/preferences';
import { Failure } from '../widgets/failure';
import { t } from '../words/words';
import { MOST_DRAWN, MOST_LISTED, type Answer } from './ask';
import { question, useAnswer, type Question, type Tab } from './asking';
import { Curl } from './curl';
import { Editor, type EditorHandle } from './editor';
import './explore.css';
import { Examples, ExamplesMenu, PastMenu } from './menus';
import { drawnOf, Graph } from './graph';
import { Json } from './json';
import { rememberQuery } from './past';
import { problemOf } from './problem';
import { sheetOf } from './sheet';
import { StepInput } from './step-input';
import { writeStep } from './step';
import { ResultTable } from './table';

export default function ExplorePage() {
  const [tries, setTries] = useState(0);
  const editor = useRef<EditorHandle | null>(null);
  // The address is the state: read so that every change of it renders.
  void parameters.value;
  const asked = question();
  const { answer, answered, loading, problem } = useAnswer(asked, tries);
  const run = (text: string): void => {
    const query = text.trim();
    if (query === '') return;
    rememberQuery(query);
    if (query === asked.query) setTries(tries + 1);
    // A step of its own, so that back leads to the expression before.
    else ask(query);
    editor.current?.check();
  };
  return (
    <>
      {loading && <div class="progress" role="progressbar" aria-label={t('running')} />}
      <section class="panel ask" aria-label={t('promql')}>
        <div class="ask-row">
          <Editor query={asked.query} onRun={run} handle={editor} />
          <button type="button" class="button primary" onClick={() => run(editor.current?.text() ?? asked.query)}>
            {t('run')}
          </button>
        </div>
        <div class="ask-tools">
          <span class="dim hint">{t('exploreHint')}</span>
          <ExamplesMenu onChoose={run} />
          <PastMenu onChoose={run} />
          <StepInput asked={asked} />
        </div>
      </section>
      {problem !== '' && <Trouble message={problem} query={asked.query} retry={() => setTries(tries + 1)} />}
      {asked.query === '' ? (
        <Examples onChoose={run} />
      ) : (
        answer !== null && <Result asked={asked} answer={answer} answered={answered} />
      )}
    </>
  );
}

/** Opens the page with another expression; range, step and view go along. */
function ask(query: string): void {
  const own = Object.fromEntries(parameters.value);
  delete own['all'];
  navigate(href('/explore', { ...own, q: query }));
}

function Trouble({ message, query, retry }: { message: string; query: string; retry: () => void }) {
  const { line, column, words } = problemOf(message, query);
  const said = line === null || column === null ? words : t('queryAt', { line, column, words });
  return <Failure title={t('queryFailed')} words={said} {...(line === null ? { retry } : {})} />;
}

interface ResultProps {
  asked: Question;
  answer: Answer;
  answered: string;
}

const TABS: readonly Tab[] = ['graph', 'table', 'json'];

function Result({ asked, answer, answered }: ResultProps) {
  const kind = asked.tab === 'table' ? 'table' : 'graph';
  const choose = (tab: Tab): void => setParameters({ tab: tab === 'graph' ? '' : tab });
  return (
    <section class="result fresh" aria-label={t('result')}>
      <div class="toolbar">
        <div class="segments" role="tablist" aria-label={t('result')}>
          {TABS.map((tab) => (
            <button
              key={tab}
              type="button"
              role="tab"
              id={`tab-${tab}`}
              class="button"
              aria-selected={asked.tab === tab}
              aria-controls="result-panel"
              tabIndex={asked.tab === tab ? 0 : -1}
              onClick={() => choose(tab)}
              onKeyDown={(event) => moveTab(event, asked.tab, choose)}
            >
              {tab === 'json' ? 'JSON' : t(tab)}
            </button>
          ))}
        </div>
        <Meta answer={answer} />
        <span class="grow" />
        <Curl asked={asked} />
        <CopyMenu sheet={() => sheetOf(answer)} name="explore" promql={() => answered} range />
      </div>
      {answer.warnings.map((warning) => (
        <p class="tone-warning" role="status" key={warning}>
          ▲ {warning}
        </p>
      ))}
      <div role="tabpanel" id="result-panel" aria-labelledby={`tab-${asked.tab}`}>
        {answer.kind === kind && <Panel asked={asked} answer={answer} answered={answered} />}
      </div>
    </section>
  );
}

function Panel({ asked, answer, answered }: ResultProps) {
  if (asked.tab === 'json') return <Json text={answer.text} />;
  const none = answer.kind === 'graph' ? answer.series.length === 0 : answer.rows.length === 0;
  if (none) return <None asked={asked} />;
  if (answer.kind === 'table') return <ResultTable answer={answer} />;
  return <Graph answer={answer} query={answered} />;
}

function None({ asked }: { asked: Question }) {
  const time = (ms: number): string => `${dateTime(ms, zone.value)} ${zoneName(zone.value, ms)}`;
  return (
    <div class="panel plain">
      <h2>{t('exploreNone')}</h2>
      <p class="dim">{t('exploreNoneWhy', { from: time(asked.range.fromMs), to: time(asked.range.toMs) })}</p>
    </div>
  );
}

/** How much came, how much of it is shown, and how long it took. */
function Meta({ answer }: { answer: Answer }) {
  const total = answer.kind === 'graph' ? answer.series.length : answer.rows.length;
  const most = answer.kind === 'graph' ? MOST_DRAWN : MOST_LISTED;
  const count = answer.cut ? t('seriesCount', { n: t('moreThan', { n: number(most) }) }) : t('seriesCount', { n: number(total) });
  const shown = answer.kind === 'graph' ? drawnOf(answer) : total;
  const parts = [
    shown < total || answer.cut ? `${count} (${t('seriesShown', { shown: number(shown) })})` : count,
    ...(answer.kind === 'graph' ? [`${t('step')} ${writeStep(answer.step)}`] : []),
    ...(answer.tookMs === null ? [] : [`${number(answer.tookMs, answer.tookMs < 10 ? 1 : 0)} ms`]),
  ];
  return (
    <span class="dim meta" role="status">
      {parts.join(' · ')}
      {answer.cut && ` · ${t(answer.kind === 'graph' ? 'chartsMost' : 'tableMost', { n: number(most) })}`}
    </span>
  );
}

function moveTab(event: KeyboardEvent, from: Tab, choose: (tab: Tab) => void): void {
  const move = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (move === 0) return;
  event.preventDefault();
  const next = TABS[(TABS.indexOf(from) + move + TABS.length) % TABS.length] ?? 'graph';
  choose(next);
  document.getElementById(`tab-${next}`)?.focus();
}
