import { expect, test } from 'vitest';
import { parseFilter, type Fields } from './filter';

interface Row {
  ns: string;
  cmd: string;
  idle: number | null;
}

const FIELDS: Fields<Row> = {
  ns: { kind: 'text', of: (row) => row.ns },
  cmd: { kind: 'text', of: (row) => row.cmd },
  idle: { kind: 'number', of: (row) => row.idle },
};
const ROWS: Row[] = [
  { ns: 'ml-1', cmd: 'python train.py', idle: 7200 },
  { ns: 'ml-2', cmd: 'python serve.py', idle: null },
  { ns: 'ml-10', cmd: 'blender', idle: 30 },
];

function found(text: string): number[] {
  const filter = parseFilter(text, FIELDS);
  return ROWS.flatMap((row, index) => (filter.matches(row) ? [index] : []));
}

test('all terms must hold; a bare word looks everywhere', () => {
  expect(found('')).toEqual([0, 1, 2]);
  expect(found('PYTHON')).toEqual([0, 1]);
  expect(found('ns:ml-1 cmd:python')).toEqual([0]);
  expect(found('cmd:"train.py"')).toEqual([0]);
});

test('exact, either and not', () => {
  expect(found('ns:ml-1')).toEqual([0, 2]);
  expect(found('ns:=ml-1')).toEqual([0]);
  expect(found('ns:=ml-1|=ml-2')).toEqual([0, 1]);
  expect(found('-python')).toEqual([2]);
});

test('numbers compare, durations are seconds, and no value matches nothing', () => {
  expect(found('idle:>1h')).toEqual([0]);
  expect(found('idle:<=30s')).toEqual([2]);
  expect(found('idle:>=0')).toEqual([0, 2]);
});

test('what is not understood is named and left out', () => {
  const filter = parseFilter('idle:soon colour:red python', FIELDS);
  expect(filter.bad).toEqual(['idle:soon', 'colour:red']);
  expect(ROWS.map((row) => filter.matches(row))).toEqual([true, true, false]);
  expect(parseFilter('constructor:x', FIELDS).bad).toEqual(['constructor:x']);
});
