/** Order of table rows, and how a link writes it: `util` rising, `-util` falling. Pure. */

export interface Sort {
  column: string;
  descending: boolean;
}

export function parseSort(text: string, standard: Sort): Sort {
  const match = /^(-?)([a-z_]{1,32})$/.exec(text);
  return match === null ? standard : { column: match[2] ?? '', descending: match[1] === '-' };
}

export function writeSort(sort: Sort, standard: Sort): string {
  if (sort.column === standard.column && sort.descending === standard.descending) return '';
  return `${sort.descending ? '-' : ''}${sort.column}`;
}

/** Rows by their keys; equal ones keep their order, and those without a key come last either way. */
export function sortKeys<Row>(
  rows: readonly Row[],
  key: (row: Row) => number | string | null,
  descending: boolean,
): Row[] {
  const keyed = rows.map((row) => ({ row, key: key(row) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null ? 1 : 0) - (b.key === null ? 1 : 0);
    const order = compare(a.key, b.key);
    return descending ? -order : order;
  });
  return keyed.map((each) => each.row);
}

const words = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

function compare(a: number | string, b: number | string): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : words.compare(String(a), String(b));
}
