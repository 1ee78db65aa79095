/** Where in a query the server's message points. Pure. */

export interface Problem {
  /** From 1; null where the message names no place. */
  line: number | null;
  column: number | null;
  /** Characters from the start of the query; its end where there is no place. */
  offset: number;
  words: string;
}

/** Reads `invalid parameter "query": 1:5: parse error: …`. */
export function problemOf(message: string, query: string): Problem {
  const found = /(?:^|: )(\d{1,5}):(\d{1,5}): (?:parse error: )?(.*)$/s.exec(message);
  if (found === null) return { line: null, column: null, offset: query.length, words: message };
  const line = Number(found[1]);
  const column = Number(found[2]);
  return { line, column, offset: offsetOf(query, line, column), words: found[3] ?? message };
}

/** Columns count characters, not the halves of one that JavaScript may count. */
function offsetOf(query: string, line: number, column: number): number {
  const lines = query.split('\n');
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const upTo = [...(lines[line - 1] ?? '')].slice(0, column - 1).join('').length;
  return Math.min(query.length, before + upTo);
}
