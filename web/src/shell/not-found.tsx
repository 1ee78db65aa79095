/** What an address that is no page shows. */
import { href, path } from '../state/location';
import { t } from '../words/words';

export function NotFound() {
  return (
    <section class="panel plain">
      <h2>{t('notFoundTitle')}</h2>
      <p>
        {t('notFoundWhy', { path: path.value.slice(0, 200) })} <a href={href('/')}>{t('toOverview')}</a>
      </p>
    </section>
  );
}
