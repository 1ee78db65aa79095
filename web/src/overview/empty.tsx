/** The first run with nothing found: what was looked for, why it failed, and what to do next. */
import type { SourceReport } from '../api/snapshot';
import { language } from '../state/preferences';
import { t } from '../words/words';
import { tried } from './tried';

export function Empty({ sources }: { sources: readonly SourceReport[] }) {
  return (
    <section class="panel empty">
      <h2>{t('emptyTitle')}</h2>
      <p class="dim">{t('emptyLooking')}</p>
      <h3>{t('emptyLookedFor')}</h3>
      {sources.length === 0 ? (
        <p class="dim">{t('emptyNothing')}</p>
      ) : (
        <ul class="sources">
          {sources.map((source) => (
            <Source key={source.name} source={source} />
          ))}
        </ul>
      )}
      <h3>{t('emptyNext')}</h3>
      <dl class="commands">
        <Command what={t('emptyWhy')} command="gpulse doctor" />
        <Command what={t('emptyHost')} command="gpulse up" />
        <Command what={t('emptyServer')} command="gpulse exporter --listen :9400" />
        <Command what={t('emptyDemo')} command="gpulse demo" />
      </dl>
    </section>
  );
}

function Source({ source }: { source: SourceReport }) {
  const words = language.value === 'ko' ? (source.korean ?? source) : source;
  const { text, places } = tried(words.problem ?? '');
  return (
    <li>
      <span class={source.ok ? 'tone-ok' : 'tone-warning'} aria-hidden="true">
        {source.ok ? '●' : '▲'}
      </span>
      <span>
        <strong>{source.name}</strong> <span class="dim">{words.looked_for}</span>
      </span>
      <span>
        {text || (source.ok ? t('found') : t('notFound'))}
        {words.remedy && <span class="remedy">{words.remedy}</span>}
        {places.length > 0 && (
          <details>
            <summary>{t('triedPlaces', { n: places.length })}</summary>
            <ul>
              {places.map((place) => (
                <li key={place}>
                  <code>{place}</code>
                </li>
              ))}
            </ul>
          </details>
        )}
      </span>
    </li>
  );
}

function Command({ what, command }: { what: string; command: string }) {
  return (
    <div>
      <dt>{what}</dt>
      <dd>
        <code>{command}</code>
      </dd>
    </div>
  );
}
