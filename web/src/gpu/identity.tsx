/** What a GPU is: name, UUID, place, driver, state; its MIG layout; and its errors. */
import type { ComponentChildren } from 'preact';
import { number, percent, shortTime } from '../format/format';
import type { Fleet } from '../live/fleet';
import { nowMs } from '../live/live';
import { State } from '../map/card';
import { holderOf } from '../map/groups';
import { xidText } from '../overview/attention-line';
import { zone } from '../state/preferences';
import { toClipboard } from '../copy/clipboard';
import { Icon } from '../shell/icon';
import { announce } from '../widgets/announce';
import { t } from '../words/words';
import { gpuHref, instanceName, modelName } from './name';
import { CellText } from './readings';
import { severities } from './severity';
import { SEVERITY } from './states';

export function Identity({ fleet, row }: { fleet: Fleet; row: number }) {
  const uuid = fleet.text('gpu', 'uuid', row);
  const severity = severities(fleet)[row] ?? 'ok';
  return (
    <section class="panel identity fresh">
      <div class="title">
        <h2>{modelName(fleet.word('gpu', 'model', row))}</h2>
        <dl class="facts">
          <Fact name={t('health')}>
            <span class={`tone-${severity}`}>
              <span aria-hidden="true">{SEVERITY[severity].glyph}</span> {t(SEVERITY[severity].word)}
            </span>
          </Fact>
          <Fact name={t('state')}>
            <State fleet={fleet} table="gpu" row={row} />
          </Fact>
          <Fact name={t('holder')}>{holderOf(fleet, row) || t('nobody')}</Fact>
        </dl>
      </div>
      <dl class="facts">
        <Fact name={t('uuid')}>
          <code>{uuid}</code>
          <button
            type="button"
            class="button icon quiet"
            aria-label={`${t('copy')} ${t('uuid')}`}
            onClick={() => void toClipboard(uuid).then((done) => announce(t(done ? 'copied' : 'copyFailed')))}
          >
            <Icon name="copy" />
          </button>
        </Fact>
        <Fact name={t('pci')}>
          <code>{fleet.text('gpu', 'pci', row) || '—'}</code>
        </Fact>
        <Fact name={t('serial')}>{fleet.text('gpu', 'serial', row) || '—'}</Fact>
        <Fact name={t('driver')}>{fleet.word('gpu', 'driver', row) || '—'}</Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The instances as parts of the GPU, as wide as their slices. */
export function MigLayout({ fleet, row, chosen }: { fleet: Fleet; row: number; chosen: string }) {
  const mig = fleet.migRows(row);
  if (mig.length === 0) return null;
  const cut = mig.reduce((sum, each) => sum + (fleet.number('mig', 'share', each) ?? 0), 0);
  return (
    <section class="panel mig fresh" aria-labelledby="mig">
      <header>
        <h2 id="mig">{t('migLayout')}</h2>
      </header>
      <ul>
        {mig.map((each) => {
          const key = `${fleet.text('mig', 'gi', each)}.${fleet.number('mig', 'ci', each) ?? 0}`;
          return (
            <li key={each} style={{ flexGrow: fleet.number('mig', 'share', each) ?? 0.1 }}>
              <a href={gpuHref(fleet, row, each)} aria-current={key === chosen ? 'true' : undefined}>
                <strong>{instanceName(fleet, each)}</strong>
                <State fleet={fleet} table="mig" row={each} />
                <span>
                  <CellText fleet={fleet} table="mig" column="util" row={each} format={percent} />
                </span>
                <span class="holder">{fleet.word('mig', 'holder', each)}</span>
              </a>
            </li>
          );
        })}
        {cut < 0.99 && (
          <li class="uncut dim" style={{ flexGrow: 1 - cut }}>
            {t('free')}
          </li>
        )}
      </ul>
    </section>
  );
}

export function Errors({ fleet, row }: { fleet: Fleet; row: number }) {
  const xid = fleet.number('gpu', 'xid', row);
  const at = fleet.number('gpu', 'xid_at', row);
  const figure = (column: string) => (
    <CellText fleet={fleet} table="gpu" column={column} row={row} format={(value) => number(value)} />
  );
  return (
    <section class="panel errors fresh" aria-labelledby="errors">
      <header>
        <h2 id="errors">{t('errors')}</h2>
      </header>
      <dl class="facts">
        <Fact name={t('xid')}>
          {xid === null ? t('xidNone') : xidText(xid)}
          {xid !== null && at !== null && <span class="dim"> {shortTime(at * 1000, nowMs(), zone.value)}</span>}
        </Fact>
        <Fact name={t('eccCorrected')}>{figure('ecc_corrected')}</Fact>
        <Fact name={t('eccUncorrected')}>{figure('ecc_uncorrected')}</Fact>
        <Fact name={t('remapped')}>
          {figure('remapped_corrected')} / {figure('remapped_uncorrected')}
        </Fact>
        <Fact name={t('remapFailure')}>
          <CellText
            fleet={fleet}
            table="gpu"
            column="remap_failure"
            row={row}
            format={(value) => t(value === 0 ? 'no' : 'yes')}
          />
        </Fact>
      </dl>
    </section>
  );
}
