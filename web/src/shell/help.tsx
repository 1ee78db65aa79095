/** The list of keys, and the switch that turns single letters off. */
import { signal } from '@preact/signals';
import { PAGES } from '../pages';
import { chooseLetterKeys, letterKeys } from '../state/preferences';
import { Dialog } from '../widgets/dialog';
import { t } from '../words/words';
import { Icon } from './icon';

export const helpOpen = signal(false);

export function Help() {
  const keys: [string[], string][] = [
    [['/'], t('helpFilter')],
    ...PAGES.flatMap((page): [string[], string][] =>
      page.key === undefined ? [] : [[['g', page.key], t('helpGo', { page: t(page.title) })]],
    ),
    [['Ctrl', 'K'], t('helpPalette')],
    [['t'], t('helpTheme')],
    [['z'], t('helpZone')],
    [['?'], t('helpHelp')],
    [['Esc'], t('helpEscape')],
    [['←', '→', '↑', '↓'], t('helpMap')],
    [['Enter'], t('helpOpen')],
  ];
  return (
    <Dialog open={helpOpen} label={t('help')}>
      <header>
        <h2>{t('help')}</h2>
        <button
          type="button"
          class="button icon quiet"
          aria-label={t('close')}
          onClick={() => (helpOpen.value = false)}
        >
          <Icon name="close" />
        </button>
      </header>
      <dl class="keys">
        {keys.map(([parts, words]) => (
          <div key={words}>
            <dt>
              {parts.map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <label class="letters">
        <input
          type="checkbox"
          checked={letterKeys.value}
          onChange={(event) => chooseLetterKeys(event.currentTarget.checked)}
        />
        {t('helpLetters')}
      </label>
    </Dialog>
  );
}
