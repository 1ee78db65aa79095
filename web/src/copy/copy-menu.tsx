/** The copy menu of a panel or page: link, Markdown, CSV, JSON, and PromQL where there is some. */
import { clock, iso } from '../format/format';
import { nowMs } from '../live/live';
import { Icon } from '../shell/icon';
import { parameters } from '../state/location';
import { zone } from '../state/preferences';
import { isRelative, parseRange } from '../state/range';
import { announce } from '../widgets/announce';
import { Popover } from '../widgets/popover';
import { t } from '../words/words';
import { toClipboard } from './clipboard';
import { toCsv, toJson, toMarkdown, type Sheet } from './exports';

interface Props {
  /** The rows, made when asked for. */
  sheet: () => Sheet;
  /** Name of the file, without extension. */
  name: string;
  promql?: () => string;
  /** Whether the page shows a time range, so that a copied link must fix it. */
  range?: boolean;
}

export function CopyMenu({ sheet, name, promql, range = false }: Props) {
  const put = async (text: string, said = t('copied')): Promise<void> => {
    announce((await toClipboard(text)) ? said : t('copyFailed'));
  };
  return (
    <Popover
      label={
        <>
          <Icon name="copy" /> {t('copy')}
        </>
      }
    >
      {(close) => {
        const item = (word: string, run: () => void) => (
          <button
            key={word}
            type="button"
            class="button quiet"
            onClick={() => {
              run();
              close();
            }}
          >
            {word}
          </button>
        );
        return (
          <>
            {item(t('copyLink'), () => void put(...frozenLink(range)))}
            {item(t('copyMarkdown'), () => void put(toMarkdown(sheet())))}
            {item(t('copyCsv'), () => void put(toCsv(sheet())))}
            {item(t('copyJson'), () => void put(toJson(sheet())))}
            {promql !== undefined && item(t('copyPromql'), () => void put(promql()))}
            {item(t('download'), () => save(`${name}-${clock(nowMs(), zone.value).replaceAll(':', '')}.csv`, toCsv(sheet())))}
          </>
        );
      }}
    </Popover>
  );
}

/** The page's address with relative times fixed, and what to say about it. */
function frozenLink(range: boolean): [string, string] {
  const url = new URL(window.location.href);
  if (!range || !isRelative(parameters.value.get('to') ?? '')) return [url.href, t('copied')];
  const fixed = parseRange(url.searchParams.get('from') ?? '', url.searchParams.get('to') ?? '', nowMs());
  url.searchParams.set('from', iso(fixed.fromMs));
  url.searchParams.set('to', iso(fixed.toMs));
  return [url.href.replaceAll('%3A', ':'), t('copiedFrozen')];
}

function save(name: string, text: string): void {
  const link = document.createElement('a');
  // The mark makes spreadsheets read Korean as UTF-8.
  link.href = URL.createObjectURL(new Blob([`\ufeff${text}`], { type: 'text/csv;charset=utf-8' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
