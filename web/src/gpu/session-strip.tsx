/** Who was on the GPU over the range: a bar per session, a row per instance, idle parts hatched. */
import { clock, duration } from '../format/format';
import { zone } from '../state/preferences';
import { t } from '../words/words';
import type { History } from './history';
import { spansOf, stripsOf, type Span } from './spans';

/** The part of the strip that a time takes, in percent. */
function place(history: History, seconds: number): number {
  const { fromMs, toMs } = history.range;
  return Math.min(100, Math.max(0, ((seconds * 1000 - fromMs) / (toMs - fromMs)) * 100));
}

export function SessionStrip({ history, chosen }: { history: History; chosen: string }) {
  const strips = stripsOf(spansOf(history.sessions, history.states, history.step), deviceOf);
  return (
    <section class="panel strip fresh" aria-labelledby="strip">
      <header>
        <h2 id="strip">{t('sessionStrip')}</h2>
      </header>
      {strips.length === 0 && <p class="none">{t('stripNone')}</p>}
      <ul>
        {strips.map((strip) => (
          <li key={strip.name} class={chosen !== '' && strip.name.endsWith(` ${chosen}`) ? 'chosen' : ''}>
            <span class="device">{strip.name === '' ? t('wholeGpu') : strip.name}</span>
            <ul class="lanes">
              {strip.lanes.map((lane, index) => (
                <li class="lane" key={index}>
                  {lane.map((span) => (
                    <Bar key={`${span.session}/${span.from}`} span={span} history={history} />
                  ))}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** `3g.40gb gi1` of a session's labels; `""` for the whole GPU. */
function deviceOf(span: Span): string {
  const gi = span.labels['GPU_I_ID'] ?? '';
  return gi === '' ? '' : `${span.labels['GPU_I_PROFILE'] ?? ''} gi${gi}`.trim();
}

function holderOf(span: Span): string {
  const { labels } = span;
  const pod = labels['exported_pod'] ?? labels['pod'] ?? '';
  if (pod !== '') return `${labels['exported_namespace'] ?? labels['namespace'] ?? ''}/${pod}`;
  return labels['slurm_job'] || labels['user'] || '';
}

function Bar({ span, history }: { span: Span; history: History }) {
  const from = place(history, span.from);
  const width = Math.max(0.2, place(history, span.to) - from);
  const name = `${holderOf(span)} (${span.labels['command'] ?? ''} ${span.labels['pid'] ?? ''})`.trim();
  const times = `${clock(span.from * 1000, zone.value)}–${span.goesOn ? '' : clock(span.to * 1000, zone.value)}`;
  return (
    <span
      class={span.goesOn ? 'bar goes-on' : 'bar'}
      style={{ left: `${from}%`, width: `${width}%` }}
      title={`${name}\n${times} (${duration(span.to - span.from)})`}
    >
      {span.idle.map((part) => {
        const start = Math.max(from, place(history, part.from));
        const end = Math.min(from + width, place(history, part.to));
        return (
          <span
            key={part.from}
            class="idle"
            style={{ left: `${((start - from) / width) * 100}%`, width: `${((end - start) / width) * 100}%` }}
          />
        );
      })}
      <span class="name">{name}</span>
    </span>
  );
}
