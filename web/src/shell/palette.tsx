/**
 * The palette (Ctrl-K): pages, actions, nodes and GPUs by part of their name. A combobox over a
 * list, so that arrows and Enter do everything.
 */
import { signal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import { fleet } from '../live/live';
import { gpuName } from '../gpu/name';
import { PAGES } from '../pages';
import { href, navigate } from '../state/location';
import { chooseLanguage, chooseTheme, language, theme } from '../state/preferences';
import { Dialog } from '../widgets/dialog';
import { t } from '../words/words';
import { toggleZone } from './keyboard';

export const paletteOpen = signal(false);

interface Entry {
  id: string;
  kind: string;
  text: string;
  run: () => void;
}

/** More than this nobody reads. */
const SHOWN = 12;

export function Palette() {
  return (
    <Dialog open={paletteOpen} label={t('palette')}>
      <Search />
    </Dialog>
  );
}

function Search() {
  const [text, setText] = useState('');
  const [chosen, choose] = useState(0);
  const found = useMemo(() => search(text), [text]);
  const run = (entry: Entry | undefined): void => {
    if (entry === undefined) return;
    paletteOpen.value = false;
    entry.run();
  };
  const onKey = (event: KeyboardEvent): void => {
    const move = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (move !== 0) {
      event.preventDefault();
      choose((chosen + move + found.length) % Math.max(1, found.length));
    } else if (event.key === 'Enter' && !event.isComposing) {
      event.preventDefault();
      run(found[chosen]);
    }
  };
  return (
    <div class="palette">
      <input
        class="input"
        role="combobox"
        aria-label={t('palette')}
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[chosen] === undefined ? undefined : `palette-${chosen}`}
        placeholder={t('paletteHint')}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          choose(0);
        }}
        onKeyDown={onKey}
      />
      <ul id="palette-list" role="listbox" aria-label={t('palette')}>
        {found.map((entry, index) => (
          <li
            key={entry.id}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === chosen}
            onClick={() => run(entry)}
          >
            <span class="grow">{entry.text}</span>
            <span class="dim">{entry.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="dim none">{t('paletteNone', { text: text.slice(0, 60) })}</p>}
    </div>
  );
}

/** Entries whose text holds every word typed, pages and actions first; then those whose UUID does. */
function search(text: string): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== '');
  const holds = (where: string): boolean => words.every((word) => where.toLowerCase().includes(word));
  const named: Entry[] = [];
  const others: Entry[] = [];
  for (const entry of entries()) {
    if (holds(entry.text)) named.push(entry);
    else if (others.length < SHOWN && holds(entry.id)) others.push(entry);
    if (named.length === SHOWN) break;
  }
  return [...named, ...others].slice(0, SHOWN);
}

function* entries(): Generator<Entry> {
  for (const page of PAGES) {
    if (page.key === undefined) continue;
    yield { id: page.id, kind: t('palettePage'), text: t(page.title), run: () => navigate(href(page.path)) };
  }
  yield* actions();
  const present = fleet.peek();
  if (present === null) return;
  for (const node of present.snapshot.dict['node'] ?? []) {
    const run = (): void => navigate(href('/', { q: `node:=${node}` }));
    yield { id: `node:${node}`, kind: t('paletteNode'), text: node, run };
  }
  for (let row = 0; row < present.rows('gpu'); row += 1) {
    const uuid = present.text('gpu', 'uuid', row);
    const run = (): void => navigate(href(`/gpus/${encodeURIComponent(uuid)}`));
    yield { id: uuid, kind: t('paletteGpu'), text: gpuName(present, row), run };
  }
}

function* actions(): Generator<Entry> {
  const kind = t('paletteAction');
  const nextTheme = theme.value === 'dark' ? 'light' : 'dark';
  yield { id: 'theme', kind, text: t(nextTheme === 'dark' ? 'toDark' : 'toLight'), run: () => chooseTheme(nextTheme) };
  const nextLanguage = language.value === 'ko' ? 'en' : 'ko';
  const name = nextLanguage === 'ko' ? '한국어' : 'English';
  yield { id: 'language', kind, text: name, run: () => chooseLanguage(nextLanguage) };
  yield { id: 'zone', kind, text: t('helpZone'), run: toggleZone };
}
