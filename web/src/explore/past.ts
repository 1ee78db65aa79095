/** The expressions that were run in this browser, newest first; kept in local storage. */
const KEY = 'gpulse.queries';
/** More nobody scrolls through. */
const MOST = 40;

export function pastQueries(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((each) => typeof each === 'string').slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function rememberQuery(query: string): void {
  if (query.length > 2000) return;
  const kept = [query, ...pastQueries().filter((each) => each !== query)].slice(0, MOST);
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Without storage there is no history.
  }
}
