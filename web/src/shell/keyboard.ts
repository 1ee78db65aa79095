/**
 * The keys of the whole app: `/`, `g` then a page's key, Ctrl-K, `t`, `z`, `?`, Escape. Single
 * letters are off inside inputs and dialogs, and a person can switch them off altogether.
 */
import { PAGES } from '../pages';
import { goBack, href, navigate, path, setParameters } from '../state/location';
import { chooseTheme, chooseZone, letterKeys, theme, zone } from '../state/preferences';
import { helpOpen } from './help';
import { paletteOpen } from './palette';

/** After `g` a page's key counts for so long. */
const GO_MS = 1500;
let goUntil = 0;

export function listenToKeys(): () => void {
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    paletteOpen.value = true;
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector('dialog[open]') !== null) return;
  if (event.key === 'Escape') return escape(event.target as HTMLElement);
  if (isTyping(event.target as HTMLElement) || !letterKeys.value) return;
  if (letter(event.key)) event.preventDefault();
}

/** Whether the key meant something. */
function letter(key: string): boolean {
  if (performance.now() < goUntil) {
    goUntil = 0;
    const page = PAGES.find((each) => each.key === key);
    if (page === undefined) return false;
    navigate(href(page.path));
    return true;
  }
  switch (key) {
    case 'g':
      goUntil = performance.now() + GO_MS;
      return true;
    case '/':
      return focusFilter();
    case 't':
      chooseTheme(theme.value === 'dark' ? 'light' : 'dark');
      return true;
    case 'z':
      toggleZone();
      return true;
    case '?':
      helpOpen.value = true;
      return true;
    default:
      return false;
  }
}

/** Local time, or UTC; what the link asked for no longer counts. */
export function toggleZone(): void {
  setParameters({ tz: '' });
  chooseZone(zone.value === 'UTC' ? 'local' : 'utc');
}

function focusFilter(): boolean {
  const input = document.querySelector<HTMLInputElement>('input[data-filter]');
  input?.focus();
  input?.select();
  return input !== null;
}

/** Out of an input; else, on a page below another, back to where the person was. */
function escape(target: HTMLElement): void {
  if (isTyping(target)) target.blur();
  else if (path.value.startsWith('/gpus/')) goBack();
}

function isTyping(target: HTMLElement): boolean {
  // Inside a shadow root the event is retargeted, hence the deepest active element.
  let deepest: Element = target;
  while (deepest.shadowRoot?.activeElement) deepest = deepest.shadowRoot.activeElement;
  return (
    deepest instanceof HTMLElement &&
    (deepest.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(deepest.tagName))
  );
}
