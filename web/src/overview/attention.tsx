/** "Needs attention": what is wrong in the fleet now, most severe first, each line a link. */
import { useState } from 'preact/hooks';
import type { AttentionLine } from '../api/snapshot';
import { number, shortDuration, shortTime } from '../format/format';
import type { Fleet } from '../live/fleet';
import { nowMs } from '../live/live';
import { href } from '../state/location';
import { zone } from '../state/preferences';
import { t } from '../words/words';
import { attentionName, AttentionMark, attentionText } from './attention-line';

/** Lines shown before "show all". */
const FIRST = 10;

export function Attention({ fleet }: { fleet: Fleet }) {
  const [all, showAll] = useState(false);
  const { attention, attention_more: more } = fleet.snapshot;
  const lines = all ? attention : attention.slice(0, FIRST);
  const count = attention.length + more;
  return (
    <section class="panel attention fresh" aria-labelledby="attention">
      <header>
        <h2 id="attention">
          {t('attention')} {count > 0 && <span class="dim">({number(count)})</span>}
        </h2>
        {attention.length > FIRST && (
          <button type="button" class="button quiet" aria-expanded={all} onClick={() => showAll(!all)}>
            {all ? t('showLess') : t('showAll', { n: number(attention.length) })}
          </button>
        )}
      </header>
      {count === 0 ? (
        <p class="none">
          <span class="glyph tone-ok" aria-hidden="true">●</span> {t('attentionNone')}
        </p>
      ) : (
        <ul>
          {lines.map((line) => (
            <Line key={`${line.key}/${line.uuid ?? line.node ?? ''}/${line.args?.['finding'] ?? ''}/${line.args?.['holder'] ?? ''}`} line={line} />
          ))}
          {all && more > 0 && <li class="dim">{t('attentionMore', { n: number(more) })}</li>}
        </ul>
      )}
    </section>
  );
}

function Line({ line }: { line: AttentionLine }) {
  const target = targetOf(line);
  const name = attentionName(line);
  const since = line.since ?? null;
  return (
    <li>
      <AttentionMark severity={line.severity} />
      {target === '' ? <span class="where">{name === '' ? t('gpus') : name}</span> : <a class="where" href={target}>{name === '' ? t('gpus') : name}</a>}
      <span class="what grow">{attentionText(line)}</span>
      {since !== null && (
        <span class="dim" title={t('ago', { span: shortDuration(nowMs() / 1000 - since) })}>
          {shortTime(since * 1000, nowMs(), zone.value)}
        </span>
      )}
    </li>
  );
}

/** Findings about sessions, which their table can be filtered by. */
const OF_SESSIONS = new Set(['outside_allocation', 'zombie', 'hang_suspect']);

/** Where a line leads: its GPU, its node's GPUs, or the GPUs in that state. */
function targetOf(line: AttentionLine): string {
  if (line.uuid !== undefined) return href(`/gpus/${encodeURIComponent(line.uuid)}`);
  if (line.node !== undefined) return href('/', { q: `node:=${line.node}` });
  if (line.key === 'stale_sessions') return href('/sessions', { q: 'state:stale' });
  if (line.key !== 'findings') return '';
  const finding = String(line.args?.['finding'] ?? '');
  if (finding === 'no_process') return href('/', { q: 'state:allocated', view: 'table' });
  return OF_SESSIONS.has(finding) ? href('/sessions', { q: `finding:${finding}` }) : '';
}
