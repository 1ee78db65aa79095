// @vitest-environment happy-dom
import { expect, test } from 'vitest';
import { en } from './en';
import { ko } from './ko';
import { fill } from './words';

const variables = (text: string): string[] =>
  [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort();

test('both languages fill in the same variables', () => {
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    expect(variables(ko[key]), key).toEqual(variables(en[key]));
  }
});

test('no Korean particle follows a variable', () => {
  for (const [key, text] of Object.entries(ko)) {
    expect(text, key).not.toMatch(/\}(은|는|이|가|을|를|와|과|로|으로|에서)(?=[\s.,]|$)/);
  }
});

test('the count chooses singular or plural', () => {
  expect(fill('{n} GPU|{n} GPUs', { n: 1 })).toBe('1 GPU');
  expect(fill('{n} GPU|{n} GPUs', { n: '1,024' })).toBe('1,024 GPUs');
  expect(fill('{n} GPU|{n} GPUs', { n: 0 })).toBe('0 GPUs');
});
