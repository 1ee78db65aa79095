/** Who a session belongs to, in words: pod and workload, or user. */
import type { Fleet } from '../live/fleet';
import { t } from '../words/words';

/** `ml-1/nb-kim-0 · pytorch`, `user kim`, or the holder as it stands. */
export function whoText(fleet: Fleet, row: number): string {
  const word = (column: string): string => fleet.word('session', column, row);
  const pod = word('pod');
  if (pod !== '') {
    const name = `${word('namespace')}/${pod}`;
    return word('workload') === '' ? name : t('userAnd', { holder: name, what: word('workload') });
  }
  const holder = word('holder');
  const user = word('user');
  return holder === '' || holder === user ? (user === '' ? '' : t('user', { user })) : holder;
}
