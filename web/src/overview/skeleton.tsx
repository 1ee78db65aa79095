/** The place of funnel and map before the first data; only ever seen once. */
import { t } from '../words/words';

export function Skeleton() {
  return (
    <div class="skeleton" aria-busy="true" aria-label={t('loading')} role="status">
      <div class="panel funnel" />
      <div class="block" />
      <div class="progress" />
    </div>
  );
}
