/** The line over the page that says that data are old or that the server is away. */
import { clock } from '../format/format';
import { freshness, newestMs, problem, retryNow } from '../live/live';
import { zone } from '../state/preferences';
import { t } from '../words/words';

export function Banner() {
  const state = freshness.value;
  const words = problem.value?.words ?? null;
  const at = newestMs.value;
  if (state === 'stale' && at !== null) {
    return (
      <div class="banner critical" role="status">
        <span>{t('staleSince', { time: clock(at, zone.value) })}</span>
        {words !== null && <span class="dim">{words}</span>}
        <Retry />
      </div>
    );
  }
  if (state === 'loading' && words !== null) {
    return (
      <div class="banner critical" role="alert">
        <span>{t(problem.value?.answered ? 'serverError' : 'cannotReach')}</span>
        <span class="dim">{words}</span>
        <span class="dim">{t('keepsTrying')}</span>
        <Retry />
      </div>
    );
  }
  return null;
}

function Retry() {
  return (
    <button type="button" class="button" onClick={retryNow}>
      {t('retry')}
    </button>
  );
}
