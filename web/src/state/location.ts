/**
 * The address as state: path, query parameters, and what history keeps for going back (scroll and
 * selection). Every view's state is here, so that a copied link shows the same thing. Paths in this
 * module are without the route prefix, which is the path of `<base href>`.
 */
import { computed, signal } from '@preact/signals';

/** What a history entry remembers beyond its URL. */
export interface Kept {
  /** Scroll of the window when the entry was left, in px. */
  scroll?: number;
  /** What was selected: a GPU's UUID on the map, a row's key in a table. */
  selected?: string;
  /** Steps inside the app before this entry: whether "back" stays inside. */
  depth?: number;
}

const base = new URL(document.baseURI).pathname.replace(/[^/]*$/, '');

function readPath(): string {
  const path = window.location.pathname;
  return path.startsWith(base) ? `/${path.slice(base.length)}` : '/';
}

export const path = signal<string>(readPath());
export const parameters = signal<URLSearchParams>(new URLSearchParams(window.location.search));
/** Rises with every arrival by back or forward: pages then restore what the entry kept. */
export const arrivals = signal<number>(0);

/** The value of a query parameter; `""` where the link does not carry it. */
export function parameter(name: string): string {
  return parameters.value.get(name) ?? '';
}

/** A parameter as its own signal: whoever reads it renders only when it changes. */
export function parameterSignal(name: string) {
  return computed(() => parameter(name));
}

export function kept(): Kept {
  return (history.state as Kept | null) ?? {};
}

/** Adds to what the present entry remembers. */
export function keepInEntry(more: Kept): void {
  history.replaceState({ ...kept(), ...more }, '');
}

/** Parameters that go along from page to page. */
const CARRIED = ['tz', 'from', 'to', 'refresh'];

/** The address of a page, with the parameters that go along. */
export function href(to: string, own: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams();
  for (const name of CARRIED) {
    const value = parameter(name);
    if (value !== '') query.set(name, value);
  }
  for (const [name, value] of Object.entries(own)) if (value !== '') query.set(name, value);
  return address(to, query);
}

function address(to: string, query: URLSearchParams): string {
  const text = query.toString().replaceAll('%3A', ':').replaceAll('%2F', '/').replaceAll('%2C', ',');
  return base + to.replace(/^\//, '') + (text === '' ? '' : `?${text}`);
}

/** Opens another page of the app. */
export function navigate(url: string): void {
  keepInEntry({ scroll: window.scrollY });
  history.pushState({ depth: (kept().depth ?? 0) + 1 } satisfies Kept, '', url);
  read();
  window.scrollTo(0, 0);
}

/** Sets parameters of the present page; `""` removes one, so that defaults stay out of the link. */
export function setParameters(changes: Readonly<Record<string, string>>): void {
  const query = new URLSearchParams(parameters.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') query.delete(name);
    else query.set(name, value);
  }
  const url = address(path.value, query);
  if (url === window.location.pathname + window.location.search) return;
  history.replaceState(kept(), '', url);
  read();
}

/** Goes back inside the app; to the overview where the page was opened from outside. */
export function goBack(): void {
  if ((kept().depth ?? 0) > 0) history.back();
  else navigate(href('/'));
}

function read(): void {
  path.value = readPath();
  parameters.value = new URLSearchParams(window.location.search);
}

/** Turns clicks on links of the app into steps without a reload, and follows back and forward. */
export function followLinks(): void {
  history.scrollRestoration = 'manual';
  window.addEventListener('popstate', () => {
    read();
    arrivals.value += 1;
  });
  window.addEventListener('pagehide', () => keepInEntry({ scroll: window.scrollY }));
  document.addEventListener('scrollend', () => keepInEntry({ scroll: window.scrollY }));
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.('a[href]') as HTMLAnchorElement | null;
    if (!link || link.target !== '' || link.hasAttribute('download')) return;
    const url = new URL(link.href);
    if (url.origin !== window.location.origin || !url.pathname.startsWith(base) || url.hash !== '') return;
    event.preventDefault();
    navigate(url.pathname + url.search);
  });
}
