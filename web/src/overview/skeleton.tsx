/** The place of what is not there yet: of funnel and map, or of a whole page. Where the server does not answer, the banner says so and nothing is promised. */
import { problem } from '../live/live';
import { t } from '../words/words';

export function Skeleton() {
  if (problem.value !== null) return null;
  return (
    <div class="skeleton" aria-busy="true" aria-label={t('loading')} role="status">
      <div class="panel funnel" />
      <div class="block" />
      <div class="progress" />
    </div>
  );
}

export function Waiting() {
  if (problem.value !== null) return null;
  return <div class="progress" role="progressbar" aria-label={t('loading')} />;
}
