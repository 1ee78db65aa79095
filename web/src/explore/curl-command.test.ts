import { expect, test } from 'vitest';
import { curlOf } from './curl-command';

test('a quote in the expression does not end the word', () => {
  expect(curlOf('http://h/q', { query: "up{a='b'}" })).toBe(
    `curl 'http://h/q' --data-urlencode 'query=up{a='\\''b'\\''}'`,
  );
});
