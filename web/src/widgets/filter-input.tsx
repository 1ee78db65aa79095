/** The filter's input: `/` leads here, Escape leaves, what is not understood is said under it. */
import { t } from '../words/words';

interface Props {
  value: string;
  hint: string;
  bad: readonly string[];
  onChange: (text: string) => void;
}

/** A filter is typed by a person. */
const MOST = 500;

export function FilterInput({ value, hint, bad, onChange }: Props) {
  return (
    <div class="filter">
      <input
        class="input"
        type="search"
        data-filter
        aria-label={t('filter')}
        aria-invalid={bad.length > 0}
        aria-describedby={bad.length > 0 ? 'filter-bad' : undefined}
        placeholder={hint}
        spellcheck={false}
        autocomplete="off"
        maxLength={MOST}
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {bad.length > 0 && (
        <span id="filter-bad" class="tone-warning" role="status">
          ▲ {t('filterBad', { terms: bad.join(' ') })}
        </span>
      )}
    </div>
  );
}
