/** Questions to choose from: examples, and those that were asked before. */
import { Icon } from '../shell/icon';
import { Popover } from '../widgets/popover';
import { t } from '../words/words';
import { EXAMPLES } from './examples';
import { pastQueries } from './past';

interface Props {
  onChoose: (query: string) => void;
}

/** What the page shows before anything was asked. */
export function Examples({ onChoose }: Props) {
  return (
    <section class="panel plain examples">
      <h2>{t('exploreStart')}</h2>
      <p class="dim">{t('exploreStartWhy')}</p>
      <ul>
        {EXAMPLES.map(({ title, query }) => (
          <li key={query}>
            <button type="button" class="button quiet" onClick={() => onChoose(query)}>
              <span>{t(title)}</span>
              <code>{query}</code>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function ExamplesMenu({ onChoose }: Props) {
  const items = EXAMPLES.map(({ title, query }) => ({ query, words: t(title) }));
  return <Menu word={t('examples')} items={items} none="" onChoose={onChoose} />;
}

export function PastMenu({ onChoose }: Props) {
  // Read when it is opened: another tab may have asked something.
  return <Menu word={t('queryHistory')} items={null} none={t('queryHistoryNone')} onChoose={onChoose} />;
}

interface MenuProps extends Props {
  word: string;
  /** Null: the past. */
  items: { query: string; words: string }[] | null;
  none: string;
}

function Menu({ word, items, none, onChoose }: MenuProps) {
  return (
    <Popover
      label={
        <>
          {word} <Icon name="down" />
        </>
      }
    >
      {(close) => {
        const shown = items ?? pastQueries().map((query) => ({ query, words: '' }));
        if (shown.length === 0) return <p class="none">{none}</p>;
        return (
          <div class="queries">
            {shown.map(({ query, words }) => (
              <button
                key={query}
                type="button"
                class="button quiet"
                onClick={() => {
                  close();
                  onChoose(query);
                }}
              >
                {words !== '' && <span>{words}</span>}
                <code>{query}</code>
              </button>
            ))}
          </div>
        );
      }}
    </Popover>
  );
}
