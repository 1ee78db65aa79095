/** One GPU: what it is, how it is cut, who was on it, its figures over time, and its errors. */
import { useEffect, useMemo } from 'preact/hooks';
import { Chart, type Line } from '../charts/chart';
import { CopyMenu } from '../copy/copy-menu';
import type { Sheet } from '../copy/exports';
import { quoted } from '../api/query';
import { iso } from '../format/format';
import type { Fleet } from '../live/fleet';
import { useFleet } from '../live/live';
import '../style/gpu.css';
import { Waiting } from '../overview/skeleton';
import { ownTitle } from '../shell/title';
import { href, parameter, setParameters } from '../state/location';
import { Failure } from '../widgets/failure';
import { isWord, t } from '../words/words';
import { CHARTS, type ChartRow } from './charts';
import { columnOf } from './columns-of';
import { metricsQuery, useHistory, type History } from './history';
import { Errors, Identity, MigLayout } from './identity';
import { HoldingPanel } from './holding-panel';
import { gpuName, namespaceOf } from './name';
import { SessionStrip } from './session-strip';

export default function GpuPage({ uuid }: Record<string, string>) {
  const fleet = useFleet();
  const { history, loading, problem, retry } = useHistory(uuid ?? '');
  const row = fleet?.gpuRow(uuid ?? '') ?? -1;
  const chosen = parameter('mig');
  const name = fleet === null || row < 0 ? '' : gpuName(fleet, row);
  useEffect(() => {
    ownTitle.value = name;
    return () => {
      ownTitle.value = '';
    };
  }, [name]);
  if (fleet === null || uuid === undefined) return <Waiting />;
  return (
    <>
      {loading && <div class="progress" role="progressbar" aria-label={t('loading')} />}
      {row >= 0 ? <Identity fleet={fleet} row={row} /> : <Unknown uuid={uuid} />}
      {row >= 0 && <MigLayout fleet={fleet} row={row} chosen={chosen} />}
      <HoldingPanel uuid={uuid} expected={heldParts(fleet, row)} />
      {problem !== '' && <Failure title={t('historyFailed')} words={problem} retry={retry} />}
      {history === null ? (
        <div class="panel" aria-hidden="true" style={{ minHeight: `${stripHeight(fleet, row)}px` }} />
      ) : (
        <SessionStrip history={history} chosen={chosen === '' ? '' : `gi${chosen.split('.')[0]}`} />
      )}
      <Charts fleet={fleet} row={row} history={history} uuid={uuid} />
      {row >= 0 && <Errors fleet={fleet} row={row} />}
    </>
  );
}

/** Parts of the GPU that a pod is on: each has an allocation, as far as the live view tells. */
function heldParts(fleet: Fleet, row: number): number {
  if (row < 0) return 0;
  const mig = fleet.migRows(row);
  const holders = mig.length === 0 ? [fleet.word('gpu', 'holder', row)] : mig.map((each) => fleet.word('mig', 'holder', each));
  return holders.filter((holder) => namespaceOf(holder) !== '').length;
}

/** About how high the session strip will be: a row per device that is in use now. */
function stripHeight(fleet: Fleet, row: number): number {
  const mig = row < 0 ? [] : fleet.migRows(row);
  const used = mig.filter((each) => (fleet.number('mig', 'sessions', each) ?? 0) > 0).length;
  return 45 + 28 * Math.max(1, used);
}

function Unknown({ uuid }: { uuid: string }) {
  return (
    <section class="panel plain">
      <h2>{t('gpuUnknown')}</h2>
      <p>
        <code>{uuid.slice(0, 80)}</code>
      </p>
      <p class="dim">{t('gpuUnknownWhy')}</p>
      <p>
        <a href={href('/', { view: 'table' })}>{t('toGpus')}</a>
      </p>
    </section>
  );
}

const NO_SHEET: Sheet = { keys: [], heads: [], rows: [] };

interface Drawn {
  chart: ChartRow;
  lines: Line[];
}

interface ChartsProps {
  fleet: Fleet;
  row: number;
  history: History | null;
  uuid: string;
}

function Charts({ fleet, row, history, uuid }: ChartsProps) {
  const cut = row >= 0 && fleet.migRows(row).length > 0;
  const charts = CHARTS.filter((chart) => chart.mig === undefined || chart.mig === cut);
  const bounds = charts.map((chart) => boundOf(fleet, row, chart)).join();
  const drawn = useMemo(
    () => (history === null ? [] : draw(fleet, row, history, charts)),
    [history, bounds, cut, t('chartUtil')],
  );
  const zoom = (fromMs: number, toMs: number): void => setParameters({ from: iso(fromMs), to: iso(toMs) });
  if (history !== null && drawn.length === 0) return <p class="panel none">{t('noChart')}</p>;
  return (
    <section class="chart-grid fresh">
      <div class="toolbar">
        <span class="grow" />
        <a class="button" href={href('/explore', { q: `DCGM_FI_DEV_GPU_UTIL{UUID=${quoted(uuid)}}` })}>
          {t('openInExplore')}
        </a>
        <CopyMenu
          sheet={() => (history === null ? NO_SHEET : sheetOf(history, drawn))}
          name="gpu"
          promql={() => metricsQuery(uuid)}
          range
        />
      </div>
      <div class="charts">
        {charts.map((chart) => {
          const lines = drawn.find((each) => each.chart === chart)?.lines;
          if (history === null) return <div key={chart.id} class="panel chart absent" aria-hidden="true" />;
          if (lines === undefined) return <Absent key={chart.id} chart={chart} history={history} />;
          return (
            <Chart
              key={chart.id}
              title={t(chart.title)}
              times={history.metrics.times}
              lines={lines}
              format={chart.format}
              sync="gpu"
              onZoom={zoom}
              {...(chart.max === undefined ? {} : { max: chart.max })}
            />
          );
        })}
      </div>
    </section>
  );
}

/** A chart without anything to draw: why, and which metrics it would need. */
function Absent({ chart, history }: { chart: ChartRow; history: History }) {
  const reasons = new Set(chart.lines.flatMap((line) => history.lacks.get(line.from ?? line.metric) ?? []));
  return (
    <div class="panel chart absent">
      <h3>{t(chart.title)}</h3>
      <p>
        <span aria-hidden="true">—</span> {reasons.size === 0 ? t('noChart') : [...reasons].map(reasonWord).join(', ')}
      </p>
      <code class="dim">{chart.lines.map((line) => line.metric).join(' ')}</code>
    </div>
  );
}

/** A reason that the exporter gives, in words; an unknown one as it came. */
function reasonWord(reason: string): string {
  const key = `reason_${reason}`;
  return isWord(key) ? t(key) : reason;
}

function boundOf(fleet: Fleet, row: number, chart: ChartRow): number | null {
  if (chart.bound === undefined || row < 0) return null;
  const value = fleet.number('gpu', chart.bound.column, row);
  return value === null ? null : value * chart.bound.times;
}

/** Charts that have anything to draw, with their lines. */
function draw(fleet: Fleet, row: number, history: History, charts: readonly ChartRow[]): Drawn[] {
  return charts.flatMap((chart) => {
    const lines: Line[] = chart.lines.flatMap((line) => {
      const values = columnOf(history.metrics, line);
      return values === null ? [] : [{ name: t(line.name), values, source: line.metric }];
    });
    if (lines.length === 0) return [];
    const bound = boundOf(fleet, row, chart);
    if (bound !== null && chart.bound !== undefined) {
      lines.push({ name: t(chart.bound.name), values: history.metrics.times.map(() => bound), bound: true });
    }
    return [{ chart, lines }];
  });
}

/** The charts' figures as one table: a row per time. */
function sheetOf(history: History, drawn: readonly Drawn[]): Sheet {
  const columns = drawn.flatMap(({ chart, lines }) =>
    lines.filter((line) => !line.bound).map((line) => ({ name: `${t(chart.title)}: ${line.name}`, values: line.values })),
  );
  const keys = drawn.flatMap(({ chart }) =>
    chart.lines.filter((line) => columnOf(history.metrics, line) !== null).map((line) => line.metric),
  );
  return {
    keys: ['time', ...keys],
    heads: ['time', ...columns.map((column) => column.name)],
    rows: history.metrics.times.map((time, index) => [
      iso(time * 1000),
      ...columns.map((column) => {
        const value = column.values[index] ?? null;
        return value === null ? '' : String(Math.round(value * 1000) / 1000);
      }),
    ]),
  };
}
