/** A reason such as `no library found (tried a, b)` without its list, which is long and for who asks. Pure. */

/** Lists shorter than this stay in the sentence. */
const SHORT = 3;

export function tried(reason: string): { text: string; places: string[] } {
  const found = /\s*\((?:tried|찾아본 곳:) ([^()]+)\)/.exec(reason);
  const places = found?.[1]?.split(', ') ?? [];
  if (found === null || places.length < SHORT) return { text: reason, places: [] };
  return { text: reason.slice(0, found.index) + reason.slice(found.index + found[0].length), places };
}
