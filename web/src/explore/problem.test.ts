import { expect, test } from 'vitest';
import { problemOf } from './problem';

test('a place in the message becomes a place in the text', () => {
  const said = 'invalid parameter "query": 2:9: parse error: unexpected "bar"';
  expect(problemOf(said, 'up\n  + foo bar')).toEqual({ line: 2, column: 9, offset: 11, words: 'unexpected "bar"' });
});

test('a message without a place stands as it is', () => {
  const said = 'query timed out in expression evaluation, after 10 s';
  expect(problemOf(said, 'up')).toEqual({ line: null, column: null, offset: 2, words: said });
});

test('a place behind characters of two halves', () => {
  expect(problemOf('1:3: parse error: x', '😀😀+').offset).toBe(4);
});
