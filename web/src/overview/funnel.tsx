/** The funnel: from all GPUs to those that do work, with what is lost on the way beside it. */
import type { AttentionLine, Funnel as Figures } from '../api/snapshot';
import { count, number, percent, watts } from '../format/format';
import { t, type Word } from '../words/words';
import { AttentionMark } from './attention-line';

const STEPS: readonly [keyof Figures, Word, Word][] = [
  ['total', 'total', 'aboutTotal'],
  ['allocated', 'allocated', 'aboutAllocated'],
  ['active', 'active', 'aboutActive'],
  ['effective', 'effective', 'aboutEffective'],
];

/** The bar's segments add up to the total. */
const SEGMENTS: readonly [keyof Figures, Word, Word][] = [
  ['effective', 'effective', 'aboutEffective'],
  ['low', 'low', 'aboutLow'],
  ['wasted', 'wasted', 'aboutWasted'],
  ['starting', 'starting', 'aboutStarting'],
  ['unknown', 'unknown', 'aboutUnknown'],
  ['free', 'free', 'aboutFree'],
  ['down', 'down', 'aboutDown'],
  ['gone', 'gone', 'aboutGone'],
];

interface Props {
  figures: Figures;
  attention: readonly AttentionLine[];
}

export function Funnel({ figures, attention }: Props) {
  const total = Math.max(1, figures.total);
  return (
    <section class="panel funnel fresh" aria-label={t('funnel')}>
      <div class="steps">
        {STEPS.map(([key, word, about], index) => (
          <div class="step" key={key} title={t(about)}>
            {index > 0 && <span class="arrow" aria-hidden="true" />}
            <span class="name">{t(word)}</span>
            <strong>{count(figures[key] ?? 0)}</strong>
            {index > 0 && <span class="dim">{percent(((figures[key] ?? 0) / total) * 100)}</span>}
          </div>
        ))}
        <Totals figures={figures} />
      </div>
      <div class="bar" aria-hidden="true">
        {SEGMENTS.map(([key]) => {
          const share = (figures[key] ?? 0) / total;
          return share <= 0 ? null : <span key={key} class={`seg-${key}`} style={{ flexGrow: share }} />;
        })}
      </div>
      <ul class="parts">
        {SEGMENTS.map(([key, word, about]) =>
          (key === 'gone' || key === 'down' || key === 'unknown') && !figures[key] ? null : (
            <li key={key} title={t(about)}>
              <span class={`key seg-${key}`} aria-hidden="true" />
              {t(word)} <b>{count(figures[key] ?? 0)}</b>
            </li>
          ),
        )}
        <Problems attention={attention} />
      </ul>
    </section>
  );
}

/** How many problems there are, by severity; leads to their list, which may be far below a large map. */
function Problems({ attention }: { attention: readonly AttentionLine[] }) {
  if (attention.length === 0) return null;
  const countOf = (severity: AttentionLine['severity']): number =>
    attention.filter((line) => line.severity === severity).length;
  return (
    <li class="problems">
      <button
        type="button"
        class="button quiet"
        onClick={() => document.getElementById('attention')?.scrollIntoView({ block: 'center' })}
      >
        {t('attention')}
        {(['critical', 'warning'] as const).map((severity) =>
          countOf(severity) === 0 ? null : (
            <span key={severity}>
              <AttentionMark severity={severity} />
              {number(countOf(severity))}
            </span>
          ),
        )}
      </button>
    </li>
  );
}

function Totals({ figures }: { figures: Figures }) {
  const { util, mem_used_mib: used, mem_total_mib: whole, power_w: power } = figures;
  return (
    <dl class="totals">
      <div>
        <dt>{t('meanUtil')}</dt>
        <dd>{util === null ? '—' : percent(util)}</dd>
      </div>
      <div>
        <dt>{t('memoryShort')}</dt>
        <dd>{used === null || !whole ? '—' : percent((used / whole) * 100)}</dd>
      </div>
      <div>
        <dt>{t('power')}</dt>
        <dd>{power === null ? '—' : watts(power)}</dd>
      </div>
    </dl>
  );
}
