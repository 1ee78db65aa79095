/** Rows as Markdown, CSV and JSON. Pure. */

export interface Sheet {
  /** Stable English keys, for JSON and CSV. */
  keys: readonly string[];
  /** Heads in the person's language, for Markdown. */
  heads: readonly string[];
  rows: readonly (readonly string[])[];
}

export function toMarkdown(sheet: Sheet): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(markdownCell).join(' | ')} |`;
  return [line(sheet.heads), line(sheet.heads.map(() => '---')), ...sheet.rows.map(line)].join('\n');
}

function markdownCell(text: string): string {
  return text.replaceAll('\u00a0', ' ').replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}

export function toCsv(sheet: Sheet): string {
  return `${[sheet.keys, ...sheet.rows].map((row) => row.map(csvCell).join(',')).join('\r\n')}\r\n`;
}

/** Quoted where needed; what a spreadsheet would run as a formula is made text. */
function csvCell(text: string): string {
  const plain = text.replaceAll('\u00a0', ' ');
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function toJson(sheet: Sheet): string {
  const rows = sheet.rows.map((row) =>
    Object.fromEntries(sheet.keys.map((key, index) => [key, (row[index] ?? '').replaceAll('\u00a0', ' ')])),
  );
  return JSON.stringify(rows, null, 2);
}
