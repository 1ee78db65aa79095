/** The bar over the page: its title, and at the right history, range, zone and how fresh data are. */
import { clock, shortTime, zoneName } from '../format/format';
import { backfillMs, freshness, newestMs, nowMs, problem } from '../live/live';
import { parameter, setParameters } from '../state/location';
import { chooseZone, zone } from '../state/preferences';
import { REFRESHES } from '../state/range';
import { t } from '../words/words';
import { Icon } from './icon';
import { helpOpen } from './help';
import { paletteOpen } from './palette';
import { RangePicker } from './range-picker';

export function TopBar({ title, range }: { title: string; range: boolean }) {
  return (
    <div class="topbar">
      <h1 id="page-title">{title}</h1>
      <Backfill />
      <div class="right">
        {range && <RangePicker />}
        {range && <RefreshPicker />}
        <ZonePicker />
        <LiveMark />
        <button
          type="button"
          class="button icon"
          aria-label={t('palette')}
          title={`${t('palette')} (Ctrl K)`}
          onClick={() => (paletteOpen.value = true)}
        >
          <Icon name="search" />
        </button>
        <button
          type="button"
          class="button icon keys-button"
          aria-label={t('help')}
          title={`${t('help')} (?)`}
          onClick={() => (helpOpen.value = true)}
        >
          <Icon name="keyboard" />
        </button>
      </div>
    </div>
  );
}

function Backfill() {
  const until = backfillMs.value;
  if (until === null) return null;
  return (
    <span class="backfill" role="status">
      {t('backfill', { time: shortTime(until, nowMs(), zone.value) })}
    </span>
  );
}

function RefreshPicker() {
  const words = (each: string): string => (each === '' ? t('refreshLive') : each === 'off' ? t('refreshOff') : each);
  return (
    <select
      class="select refresh"
      aria-label={t('refresh')}
      title={t('refresh')}
      value={parameter('refresh')}
      onChange={(event) => setParameters({ refresh: event.currentTarget.value })}
    >
      {REFRESHES.map((each) => (
        <option key={each} value={each}>
          ⟳ {words(each)}
        </option>
      ))}
    </select>
  );
}

function ZonePicker() {
  const local = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const link = parameter('tz');
  const choose = (value: string): void => {
    if (link !== '') setParameters({ tz: '' });
    chooseZone(value);
  };
  const chosen = zone.value === local ? 'local' : zone.value === 'UTC' ? 'utc' : zone.value;
  return (
    <select
      class="select"
      aria-label={t('zone')}
      title={zone.value}
      value={chosen}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      <option value="local">{zoneName(local, nowMs())}</option>
      {local !== 'UTC' && <option value="utc">UTC</option>}
      {chosen === 'local' || chosen === 'utc' ? null : (
        <option value={zone.value}>{zoneName(zone.value, nowMs())}</option>
      )}
    </select>
  );
}

function LiveMark() {
  const state = freshness.value;
  const at = newestMs.value;
  const failing = state === 'loading' && problem.value !== null;
  const word = failing ? t('notConnected') : state === 'loading' ? t('connecting') : t(state);
  const time = at === null ? '--:--:--' : clock(at, zone.value);
  return (
    <span class="livemark" data-freshness={state} title={at === null ? word : t('asOf', { time })}>
      <span class="dot" aria-hidden="true" />
      <span class="word">{state === 'loading' && !failing ? '…' : word}</span>
      <time>{time}</time>
    </span>
  );
}
