/** An error in its place: what failed, the server's words, and a way to try again. */
import { t } from '../words/words';

interface Props {
  title: string;
  words: string;
  retry?: () => void;
}

export function Failure({ title, words, retry }: Props) {
  return (
    <div class="banner critical" role="alert">
      <strong>{title}</strong>
      <span class="dim">{words}</span>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          {t('retry')}
        </button>
      )}
    </div>
  );
}
