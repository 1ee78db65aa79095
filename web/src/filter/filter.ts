/**
 * The filter language of tables and the map: words separated by blanks, all of which must hold.
 * `key:value` looks into one field (part of it, without regard to case), `key:>80` compares a
 * number (durations such as `1h` in seconds), `-word` excludes, a bare word looks everywhere.
 * Pure; which keys exist is the caller's table.
 */

/** One field that can be asked for. */
export type Field<Row> =
  | { kind: 'text'; of: (row: Row) => string }
  | { kind: 'number'; of: (row: Row) => number | null };

export type Fields<Row> = Readonly<Record<string, Field<Row>>>;

export interface Filter<Row> {
  matches: (row: Row) => boolean;
  /** Terms that were not understood; they are left out. */
  bad: readonly string[];
  /** Whether there is anything to filter by. */
  empty: boolean;
}

/** Longer texts are cut: a filter is typed by a person. */
const MAX_TERMS = 32;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

export function parseFilter<Row>(text: string, fields: Fields<Row>): Filter<Row> {
  const tests: ((row: Row) => boolean)[] = [];
  const bad: string[] = [];
  for (const term of words(text)) {
    const negated = term.startsWith('-') && term.length > 1;
    const test = parseTerm(negated ? term.slice(1) : term, fields);
    if (test === null) bad.push(term);
    else tests.push(negated ? (row) => !test(row) : test);
  }
  return { matches: (row) => tests.every((test) => test(row)), bad, empty: tests.length === 0 };
}

/** Blanks separate words, but not inside double quotes. */
function words(text: string): string[] {
  return (text.match(/(?:[^\s"]+|"[^"]*"?)+/g) ?? []).slice(0, MAX_TERMS).map((word) => word.replaceAll('"', ''));
}

function parseTerm<Row>(term: string, fields: Fields<Row>): ((row: Row) => boolean) | null {
  const colon = term.indexOf(':');
  const key = colon > 0 ? term.slice(0, colon).toLowerCase() : '';
  if (key === '') return anywhere(term.toLowerCase(), fields);
  const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
  const value = term.slice(colon + 1);
  if (field === undefined || value === '') return null;
  return field.kind === 'text' ? contains(field.of, value.toLowerCase()) : compares(field.of, value);
}

function anywhere<Row>(part: string, fields: Fields<Row>): (row: Row) => boolean {
  const texts = Object.values(fields).filter((field) => field.kind === 'text');
  return (row) => texts.some((field) => field.of(row).toLowerCase().includes(part));
}

/** `a|b` means either; `=a` means exactly. */
function contains<Row>(of: (row: Row) => string, value: string): (row: Row) => boolean {
  const parts = value.split('|').filter((part) => part !== '');
  return (row) => {
    const text = of(row).toLowerCase();
    return parts.some((part) => (part.startsWith('=') ? text === part.slice(1) : text.includes(part)));
  };
}

function compares<Row>(of: (row: Row) => number | null, value: string): ((row: Row) => boolean) | null {
  const parts = /^(>=|<=|>|<|=)?(\d+(?:\.\d+)?)([smhd%]?)$/.exec(value);
  if (parts === null) return null;
  const bound = Number(parts[2]) * (SECONDS[parts[3] ?? ''] ?? 1);
  const compare = COMPARISONS[parts[1] ?? '='] ?? ((a: number, b: number) => a === b);
  return (row) => {
    const number = of(row);
    return number !== null && compare(number, bound);
  };
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '=': (a, b) => Math.round(a) === b,
};
