/** Who holds the GPU, whether or not a process uses it, and what the node finds wrong there. */
import { useEffect, useState } from 'preact/hooks';
import { queryNow } from '../api/query';
import { count, percent, shortTime } from '../format/format';
import { fleet, newestMs, nowMs } from '../live/live';
import { zone } from '../state/preferences';
import { t } from '../words/words';
import { findingWords } from './findings';
import { holdingOf, holdingQueries, type Allocation, type Holding } from './holding';

/** How often it is asked again, in s: allocations change with pods, findings within minutes. */
const EVERY_S = 15;

function useHolding(uuid: string): Holding | null {
  const [holding, setHolding] = useState<Holding | null>(null);
  const ready = fleet.value !== null;
  const moment = Math.floor((newestMs.value ?? 0) / 1000 / EVERY_S);
  useEffect(() => {
    if (!ready) return;
    const abort = new AbortController();
    const asked = holdingQueries(uuid).map((query) => queryNow(query, nowMs(), abort.signal));
    Promise.all(asked).then(
      (answers) => setHolding(holdingOf(answers.flat())),
      // The history below says why the server does not answer; what was known stays.
      () => {},
    );
    return () => abort.abort();
  }, [uuid, moment, ready]);
  return holding;
}

/** Heights in px: of the head with the edges, and of a row. */
const HEAD = 41;
const ROW = 33;

interface Props {
  uuid: string;
  /** How many allocations the live view lets expect, so that their place is kept until they come. */
  expected: number;
}

export function HoldingPanel({ uuid, expected }: Props) {
  const holding = useHolding(uuid);
  if (holding === null && expected > 0) {
    return <div class="panel" aria-hidden="true" style={{ minHeight: `${HEAD + ROW * expected}px` }} />;
  }
  if (holding === null || (holding.allocations.length === 0 && holding.found.length === 0)) return null;
  const columns = columnsOf(holding.allocations);
  return (
    <section class="panel holding fresh" aria-labelledby="holding">
      <header>
        <h2 id="holding">{t(holding.allocations.length > 0 ? 'holding' : 'findings')}</h2>
      </header>
      <ul style={{ '--columns': String(columns.length) }}>
        {holding.allocations.map((each) => (
          <li key={each.id}>
            <Held allocation={each} columns={columns} />
            {each.findings.map((finding) => (
              <Finding key={finding} finding={finding} about="" />
            ))}
          </li>
        ))}
        {holding.found.map(({ finding, about }) => (
          <li key={`${finding}/${about}`}>
            <Finding finding={finding} about={about} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What is said of every allocation: the same of all, so that they stand in columns. */
function columnsOf(all: readonly Allocation[]): [name: string, value: (of: Allocation) => string][] {
  const columns: [string, boolean, (of: Allocation) => string][] = [
    [t('instance'), all.some((of) => of.gi !== ''), (of) => (of.gi === '' ? '—' : `gi${of.gi}`)],
    [t('resource'), all.some((of) => of.resource !== ''), (of) => of.resource || '—'],
    [t('share'), all.some((of) => of.share !== null && of.share < 1), (of) => (of.share === null ? '—' : percent(of.share * 100))],
    [t('heldSince'), true, (of) => (of.since === null ? '—' : shortTime(of.since * 1000, nowMs(), zone.value))],
    [t('sessions'), true, (of) => (of.sessions === null ? '—' : count(of.sessions))],
  ];
  return columns.filter(([, present]) => present).map(([name, , value]) => [name, value]);
}

function Held({ allocation, columns }: { allocation: Allocation; columns: ReturnType<typeof columnsOf> }) {
  const { holder, job, container } = allocation;
  const who = job ? t('slurmJobOf', { job: holder }) : holder;
  return (
    <dl class="facts">
      <div>
        <dt class="visually-hidden">{t('holder')}</dt>
        <dd>
          <strong>{who || '—'}</strong> {container !== '' && <span class="dim">{container}</span>}
        </dd>
      </div>
      {columns.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value(allocation)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Its name, what was seen, and what to do about it. */
function Finding({ finding, about }: { finding: string; about: string }) {
  return (
    <>
      {findingWords(finding).map(({ key, name, sentence, remedy }) => (
        <p class="finding" key={key}>
          <span class="glyph tone-warning" role="img" aria-label={t('warning')}>
            ▲
          </span>
          <span>
            <strong>{name}</strong> {about !== '' && <code>{about}</code>} {sentence}{' '}
            <span class="dim">{remedy}</span>
          </span>
        </p>
      ))}
    </>
  );
}
