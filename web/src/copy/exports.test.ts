import { expect, test } from 'vitest';
import { toCsv, toJson, toMarkdown } from './exports';

const SHEET = {
  keys: ['gpu', 'command'],
  heads: ['GPU', '명령'],
  rows: [['n1/0', 'sh -c "a|b"'], ['n1/1', '=HYPERLINK(1)'], ['n1/2', '-5.2']],
};

test('Markdown escapes what would end a cell', () => {
  expect(toMarkdown(SHEET).split('\n')).toEqual([
    '| GPU | 명령 |', '| --- | --- |', '| n1/0 | sh -c "a\\|b" |', '| n1/1 | =HYPERLINK(1) |', '| n1/2 | -5.2 |',
  ]);
});

test('CSV quotes, and no cell becomes a formula', () => {
  expect(toCsv(SHEET)).toBe('gpu,command\r\nn1/0,"sh -c ""a|b"""\r\nn1/1,\'=HYPERLINK(1)\r\nn1/2,-5.2\r\n');
});

test('JSON has stable keys', () => {
  expect(JSON.parse(toJson(SHEET))[1]).toEqual({ gpu: 'n1/1', command: '=HYPERLINK(1)' });
});
