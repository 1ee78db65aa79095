/**
 * The pages, one row each: the address, the key after `g`, and what is loaded when it is opened.
 * Navigation, keyboard help and palette are made from this table; only built pages are in it.
 */
import type { ComponentType } from 'preact';
import type { Word } from './words/words';

export interface Page {
  id: string;
  /** Matches the path; `:name` takes one segment, given to the page as a property. */
  path: string;
  title: Word;
  /** Key after `g`; a page without one is reached through links only. */
  key?: string;
  /** Whether the page shows history and so has the range picker. */
  range: boolean;
  /** Whether the page reads the table `session` of the live snapshot. */
  sessions: boolean;
  load: () => Promise<{ default: ComponentType<Record<string, string>> }>;
}

export const PAGES: readonly Page[] = [
  {
    id: 'overview', path: '/', title: 'overview', key: 'o', range: false, sessions: false,
    load: () => import('./overview/page'),
  },
  {
    id: 'sessions', path: '/sessions', title: 'sessions', key: 's', range: false, sessions: true,
    load: () => import('./sessions/page'),
  },
  {
    id: 'explore', path: '/explore', title: 'explore', key: 'e', range: true, sessions: false,
    load: () => import('./explore/page'),
  },
  {
    id: 'gpu', path: '/gpus/:uuid', title: 'gpu', range: true, sessions: true,
    load: () => import('./gpu/page'),
  },
];

/** The page of a path and the segments it names, or null. */
export function findPage(path: string): { page: Page; segments: Record<string, string> } | null {
  for (const page of PAGES) {
    const segments = matchPath(page.path, path);
    if (segments !== null) return { page, segments };
  }
  return null;
}

/** The named segments of a path under a pattern; null where it does not match. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split('/').filter((part) => part !== '');
  const have = path.split('/').filter((part) => part !== '');
  if (want.length !== have.length) return null;
  const segments: Record<string, string> = {};
  for (const [index, part] of want.entries()) {
    const text = have[index] ?? '';
    if (part.startsWith(':')) segments[part.slice(1)] = safeDecode(text);
    else if (part !== text) return null;
  }
  return segments;
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
