import { expect, test } from 'vitest';
import { tried } from './tried';

test('a long list of places stands apart from its reason, in both languages', () => {
  expect(tried('no library found (tried a, b, c); no nvidia-smi on PATH')).toEqual({
    text: 'no library found; no nvidia-smi on PATH',
    places: ['a', 'b', 'c'],
  });
  expect(tried('찾지 못함 (찾아본 곳: a, b, c)')).toEqual({ text: '찾지 못함', places: ['a', 'b', 'c'] });
});

test('a short list, other brackets and no reason stay as they are', () => {
  for (const reason of ['not found (tried a)', 'refused (os error 13)', '']) {
    expect(tried(reason)).toEqual({ text: reason, places: [] });
  }
});
