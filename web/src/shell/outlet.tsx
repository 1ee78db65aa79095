/**
 * Loads and shows the page of the address. While a later page loads, the old one is gone but the
 * frame stays under the progress line; a page that cannot be loaded says why inside its place.
 */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Page } from '../pages';
import { Failure } from '../widgets/failure';
import { t } from '../words/words';

type Loaded = ComponentType<Record<string, string>>;

const loaded = new Map<string, Loaded>();

interface Props {
  page: Page;
  segments: Record<string, string>;
}

export function Outlet({ page, segments }: Props) {
  const [Component, show] = useState<Loaded | null>(() => loaded.get(page.id) ?? null);
  const [problem, fail] = useState('');
  const [tries, again] = useState(0);
  useEffect(() => {
    let gone = false;
    fail('');
    load(page).then(
      (component) => !gone && show(() => component),
      (error: unknown) => !gone && fail(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
    };
  }, [page, tries]);
  if (Component !== null) return <Component {...segments} />;
  if (problem !== '') {
    return <Failure title={t('pageFailed')} words={problem} retry={() => again(tries + 1)} />;
  }
  return <div class="progress" role="progressbar" aria-label={t('loading')} />;
}

/** Loads a page once. */
export async function load(page: Page): Promise<Loaded> {
  const known = loaded.get(page.id);
  if (known !== undefined) return known;
  const component = (await page.load()).default;
  loaded.set(page.id, component);
  return component;
}
