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

export function HoldingPanel({ uuid }: { uuid: string }) {
  const holding = useHolding(uuid);
  if (holding === null || (holding.allocations.length === 0 && holding.found.length === 0)) return null;
  return (
    <section class="panel holding fresh" aria-labelledby="holding">
      <header>
        <h2 id="holding">{t(holding.allocations.length > 0 ? 'holding' : 'findings')}</h2>
      </header>
      <ul>
        {holding.allocations.map((each) => (
          <li key={each.id}>
            <Held allocation={each} />
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

function Held({ allocation }: { allocation: Allocation }) {
  const { holder, job, container, gi, resource, share, since, sessions } = allocation;
  const who = job ? t('slurmJobOf', { job: holder }) : holder;
  return (
    <dl class="facts">
      <div>
        <dt class="visually-hidden">{t('holder')}</dt>
        <dd>
          <strong>{who || '—'}</strong> {container !== '' && <span class="dim">{container}</span>}
        </dd>
      </div>
      {gi !== '' && <Fact name={t('instance')} value={`gi${gi}`} />}
      {resource !== '' && <Fact name={t('resource')} value={resource} />}
      {share !== null && share < 1 && <Fact name={t('share')} value={percent(share * 100)} />}
      {since !== null && <Fact name={t('heldSince')} value={shortTime(since * 1000, nowMs(), zone.value)} />}
      {sessions !== null && <Fact name={t('sessions')} value={count(sessions)} />}
    </dl>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
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
