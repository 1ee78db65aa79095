/** The answer as it came, set in lines; a part of it where it is long. */
import { useMemo } from 'preact/hooks';
import { toClipboard } from '../copy/clipboard';
import { number } from '../format/format';
import { announce } from '../widgets/announce';
import { t } from '../words/words';

/** More text makes the page slow, and nobody reads it here. */
const SHOWN = 100_000;
/** Longer answers are not set in lines either: that takes a second. */
const SET_IN_LINES = 2_000_000;

export function Json({ text }: { text: string }) {
  const set = useMemo(() => (text.length > SET_IN_LINES ? text : inLines(text)), [text]);
  const copy = async (): Promise<void> => announce((await toClipboard(text)) ? t('copied') : t('copyFailed'));
  return (
    <div class="panel json">
      <div class="toolbar">
        {set.length > SHOWN && (
          <span class="dim">{t('jsonCut', { shown: number(SHOWN), total: number(set.length) })}</span>
        )}
        <span class="grow" />
        <button type="button" class="button" onClick={() => void copy()}>
          {t('copyAnswer')}
        </button>
      </div>
      <pre role="region" aria-label="JSON" tabIndex={0}>
        {set.slice(0, SHOWN)}
      </pre>
    </div>
  );
}

/** Indented, but a sample `[time, value]` on one line. */
function inLines(text: string): string {
  return JSON.stringify(JSON.parse(text), null, 2).replaceAll(/\[\s+([\d.e+-]+),\s+("[^"\n]*")\s+\]/g, '[$1, $2]');
}
