/** The frame of every page: navigation, top bar, the page itself, and what lies over it. */
import { useComputed } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { fleet, freshness, wantsSessions } from '../live/live';
import { arrivals, href, kept, path } from '../state/location';
import { chooseLanguage, chooseTheme, language, theme } from '../state/preferences';
import { findPage, PAGES } from '../pages';
import { t } from '../words/words';
import { Announcement } from '../widgets/announce';
import { Banner } from './banner';
import { Help } from './help';
import { Icon } from './icon';
import { listenToKeys } from './keyboard';
import { NotFound } from './not-found';
import { Outlet } from './outlet';
import { Palette } from './palette';
import { ownTitle } from './title';
import { TopBar } from './topbar';

export function Frame() {
  const found = useComputed(() => findPage(path.value));
  const page = found.value?.page ?? null;
  const title = ownTitle.value || t(page === null ? 'notFoundTitle' : page.title);
  useEffect(listenToKeys, []);
  useEffect(() => {
    if (page !== null) wantsSessions.value = page.sessions;
  }, [page]);
  useEffect(() => {
    document.title = `${title} · gpulse`;
  }, [title]);
  useRestoredScroll();
  return (
    <>
      <a class="skip" href="#main" onClick={skipToMain}>
        {t('skip')}
      </a>
      <Side current={page?.id ?? ''} />
      <main class="content" data-stale={String(freshness.value === 'stale')}>
        <TopBar title={title} range={page?.range ?? false} />
        <div id="main" class="page" tabIndex={-1}>
          <Banner />
          {found.value === null ? (
            <NotFound />
          ) : (
            <Outlet key={found.value.page.id} page={found.value.page} segments={found.value.segments} />
          )}
        </div>
      </main>
      <Palette />
      <Help />
      <Announcement />
    </>
  );
}

function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** Going back shows the same place: once the page has its data and so its height. */
function useRestoredScroll(): void {
  const arrival = arrivals.value;
  const ready = fleet.value !== null;
  useEffect(() => {
    if (!ready) return;
    const { scroll } = kept();
    if (scroll !== undefined) requestAnimationFrame(() => window.scrollTo(0, scroll));
  }, [arrival, ready]);
}

function Side({ current }: { current: string }) {
  return (
    <div class="side" role="banner">
      <a class="brand" href={href('/')} aria-label="gpulse">
        <Icon name="pulse" />
        <span>gpulse</span>
      </a>
      <nav aria-label={t('navigation')}>
        <ul>
          {PAGES.filter((page) => page.key !== undefined).map((page) => (
            <li key={page.id}>
              <a href={href(page.path)} aria-current={page.id === current ? 'page' : undefined}>
                {t(page.title)}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="choices">
        <LanguageSwitch />
        <ThemeSwitch />
      </div>
    </div>
  );
}

function LanguageSwitch() {
  return (
    <div class="segments" role="group" aria-label={t('language')}>
      {(['ko', 'en'] as const).map((each) => (
        <button
          key={each}
          type="button"
          class="button icon"
          lang={each}
          aria-label={each === 'ko' ? '한국어' : 'English'}
          aria-pressed={language.value === each}
          onClick={() => chooseLanguage(each)}
        >
          {each === 'ko' ? '한' : 'EN'}
        </button>
      ))}
    </div>
  );
}

function ThemeSwitch() {
  const next = theme.value === 'dark' ? 'light' : 'dark';
  const word = t(next === 'dark' ? 'toDark' : 'toLight');
  return (
    <button type="button" class="button icon" aria-label={word} title={word} onClick={() => chooseTheme(next)}>
      <Icon name={next === 'dark' ? 'moon' : 'sun'} />
    </button>
  );
}
