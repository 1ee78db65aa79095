/**
 * What a person chose for this browser: theme, language, zone, single-letter keys. Kept in local
 * storage, never in the URL, except the zone, which a link may carry (`tz`). The first paint is
 * done by public/boot.js, which reads the same keys.
 */
import { computed, effect, signal } from '@preact/signals';
import { parameter } from './location';

export type Theme = 'dark' | 'light';
export type Language = 'ko' | 'en';

/** What was kept under `key`, or null; a browser may forbid storage altogether. */
function kept(key: string): string | null {
  try {
    return localStorage.getItem(`gpulse.${key}`);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`gpulse.${key}`, value);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

const root = document.documentElement;

export const theme = signal<Theme>(root.dataset['theme'] === 'light' ? 'light' : 'dark');
export const language = signal<Language>(root.lang === 'ko' ? 'ko' : 'en');
/** Whether `t`, `z`, `/` and `g o` work; some speech and switch users need them off. */
export const letterKeys = signal<boolean>(kept('keys') !== 'off');

const keptZone = signal<string>(kept('zone') ?? 'local');

/** The zone that times are shown in: the link's, else the kept one; an IANA name or `UTC`. */
export const zone = computed<string>(() => resolveZone(parameter('tz') || keptZone.value));

/** `local`, `utc` or an IANA name as a name that Intl knows; what it does not know is local. */
function resolveZone(name: string): string {
  if (name === 'utc') return 'UTC';
  if (name !== 'local') {
    try {
      return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
    } catch {
      // A link with a misspelt zone still opens.
    }
  }
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export function chooseTheme(next: Theme): void {
  theme.value = next;
  keep('theme', next);
}

export function chooseLanguage(next: Language): void {
  language.value = next;
  keep('language', next);
}

export function chooseZone(next: string): void {
  keptZone.value = next;
  keep('zone', next);
}

export function chooseLetterKeys(on: boolean): void {
  letterKeys.value = on;
  keep('keys', on ? 'on' : 'off');
}

/** Follows the system's theme until the person has chosen one. */
export function followSystemTheme(): void {
  matchMedia('(prefers-color-scheme: light)').addEventListener('change', (event) => {
    if (kept('theme') === null) theme.value = event.matches ? 'light' : 'dark';
  });
}

effect(() => {
  root.dataset['theme'] = theme.value;
});
effect(() => {
  root.lang = language.value;
});
