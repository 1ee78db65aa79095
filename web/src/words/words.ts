/**
 * Words in the chosen language: `t('key', {name: …})`. Reading one inside a component renders it
 * again when the language changes.
 */
import { language } from '../state/preferences';
import { en } from './en';
import { ko } from './ko';

export type Word = keyof typeof en;
export type Values = Readonly<Record<string, string | number>>;

const plurals = new Intl.PluralRules('en');

/** The word in the chosen language, its variables filled in. */
export function t(word: Word, values: Values = {}): string {
  return fill((language.value === 'ko' ? ko : en)[word], values);
}

/** Whether `key` is a word; for keys that come from the server. */
export function isWord(key: string): key is Word {
  return Object.hasOwn(en, key);
}

/** Fills in `{name}`; where the text has two forms, `{n}` decides. */
export function fill(text: string, values: Values): string {
  const forms = text.split('|');
  const n = Number(String(values['n'] ?? '').replaceAll(',', ''));
  const form = forms.length === 2 && plurals.select(n) !== 'one' ? forms[1] : forms[0];
  return (form ?? '').replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
