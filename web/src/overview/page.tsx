/** Overview: funnel, map or table of every GPU, and what needs attention. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { CopyMenu } from '../copy/copy-menu';
import type { Sheet } from '../copy/exports';
import { parseFilter } from '../filter/filter';
import { number } from '../format/format';
import type { Fleet } from '../live/fleet';
import { tick, useFleet } from '../live/live';
import { modelName } from '../gpu/name';
import { severities } from '../gpu/severity';
import { groupGpus, GROUPS, type GroupBy } from '../map/groups';
import { defaultZoom, layOut, ZOOMS } from '../map/layout';
import { GpuMap } from '../map/map';
import { COLOURS, type ColourBy } from '../map/quantity';
import { Icon } from '../shell/icon';
import { parameter, setParameters } from '../state/location';
import { Choice } from '../widgets/choice';
import { FilterInput } from '../widgets/filter-input';
import { t, type Word } from '../words/words';
import { Attention } from './attention';
import { Empty } from './empty';
import { Funnel } from './funnel';
import { gpuFields } from './gpu-fields';
import { gpuColumns, GpuTable } from './gpu-table';
import { Legend } from './legend';
import { Skeleton } from './skeleton';

/** A parameter that must be one of a list; else the first. */
function oneOf<Value extends string>(name: string, values: readonly Value[]): Value {
  return values.find((value) => value === parameter(name)) ?? (values[0] as Value);
}

export default function Overview() {
  const fleet = useFleet();
  if (fleet === null) return <Skeleton />;
  if (fleet.rows('gpu') === 0) return <Empty sources={fleet.snapshot.sources} />;
  return (
    <>
      <Funnel figures={fleet.snapshot.funnel} attention={fleet.snapshot.attention} />
      <Gpus fleet={fleet} />
      <Attention fleet={fleet} />
    </>
  );
}

function Gpus({ fleet }: { fleet: Fleet }) {
  const group = oneOf<GroupBy>('group', GROUPS);
  const colour = oneOf<ColourBy>('color', COLOURS);
  const view = oneOf('view', ['map', 'table'] as const);
  const query = parameter('q');
  const total = fleet.rows('gpu');
  const filter = useMemo(() => parseFilter(query, gpuFields(fleet)), [query, fleet]);
  const rows = useMemo(
    () => Array.from({ length: total }, (_, row) => row).filter(filter.matches),
    // Without a filter the rows are the same at every tick.
    [fleet, filter, filter.empty ? 0 : tick.value],
  );
  const sheet = (): Sheet => {
    const columns = gpuColumns(fleet);
    return {
      keys: columns.map((column) => column.id),
      heads: columns.map((column) => column.head),
      rows: rows.map((row) => columns.map((column) => column.text(row))),
    };
  };
  return (
    <section class="gpus" aria-label={t('gpuMap')}>
      <div class="toolbar">
        <FilterInput
          value={query}
          hint={`/ ${t('filterHint')}`}
          bad={filter.bad}
          onChange={(text) => setParameters({ q: text })}
        />
        <Named fleet={fleet} query={query} />
        <span class="dim shown" role="status">
          {rows.length === total
            ? t('gpusCount', { n: number(total) })
            : t('shownOf', { shown: number(rows.length), total: t('gpusCount', { n: number(total) }) })}
        </span>
        <span class="grow" />
        <ViewSwitch view={view} />
        <CopyMenu sheet={sheet} name="gpus" />
      </div>
      {view === 'table' ? (
        <GpuTable fleet={fleet} rows={rows} />
      ) : (
        <MapView fleet={fleet} rows={rows} group={group} colour={colour} />
      )}
    </section>
  );
}

/** The namespace and the model of the filter as drop-downs. */
function Named({ fleet, query }: { fleet: Fleet; query: string }) {
  const models = fleet.snapshot.dict['model'] ?? [];
  if (models.length < 2) return null;
  const present = /(?:^|\s)model:"?=([^"]*)"?/.exec(query)?.[1] ?? '';
  const rest = query.replace(/(?:^|\s)model:"=[^"]*"/, '').trim();
  return (
    <Choice
      label={t('model')}
      value={present}
      options={[['', t('all')], ...models.map((model): [string, string] => [model, modelName(model)])]}
      onChange={(model) => setParameters({ q: `${rest}${model === '' ? '' : ` model:"=${model}"`}`.trim() })}
    />
  );
}

function MapChoices({ group, colour }: { group: GroupBy; colour: ColourBy }) {
  return (
    <>
      <Choice
        label={t('groupBy')}
        value={group}
        options={GROUPS.map((each) => [each, t(each)])}
        onChange={(next) => setParameters({ group: next === 'node' ? '' : next })}
      />
      <Choice
        label={t('colourBy')}
        value={colour}
        options={COLOURS.map((each) => [each, t(each as Word)])}
        onChange={(next) => setParameters({ color: next === 'utilization' ? '' : next })}
      />
    </>
  );
}

function ViewSwitch({ view }: { view: 'map' | 'table' }) {
  return (
    <div class="segments" role="group" aria-label={t('view')}>
      {(['map', 'table'] as const).map((each) => (
        <button
          key={each}
          type="button"
          class="button"
          aria-pressed={view === each}
          onClick={() => setParameters({ view: each === 'map' ? '' : each, sort: '' })}
        >
          <Icon name={each === 'map' ? 'map' : 'rows'} />
          {t(each)}
        </button>
      ))}
    </div>
  );
}

interface MapViewProps {
  fleet: Fleet;
  rows: readonly number[];
  group: GroupBy;
  colour: ColourBy;
}

function MapView({ fleet, rows, group, colour }: MapViewProps) {
  const [host, width] = useWidth();
  const asked = Number.parseInt(parameter('zoom'), 10);
  const standard = defaultZoom(fleet.rows('gpu'), width);
  const zoom = Number.isNaN(asked) ? standard : Math.min(ZOOMS.length - 1, Math.max(0, asked));
  // Who holds what changes with ticks, so groups are made anew; places only where groups changed.
  const groups = groupGpus(fleet, group, rows);
  const shape = groups.map((each) => `${each.kind}${each.name}:${each.rows.join()}`).join(';');
  const held = groups.map((each) => each.held).join();
  const layout = useMemo(() => layOut(groups, width, zoom), [fleet, shape, held, width, zoom]);
  const severity = useMemo(() => severities(fleet), [fleet, tick.value]);
  const setZoom = (next: number): void => setParameters({ zoom: next === standard ? '' : String(next) });
  return (
    <>
      <div class="toolbar">
        <MapChoices group={group} colour={colour} />
        <Legend fleet={fleet} colour={colour} />
        <ZoomSwitch zoom={zoom} onZoom={setZoom} />
      </div>
      <div class="map-view" ref={host}>
        {rows.length === 0 && <p class="none">{t('noneMatch')}</p>}
        {width > 0 && <GpuMap fleet={fleet} layout={layout} colour={colour} severity={severity} />}
      </div>
    </>
  );
}

function ZoomSwitch({ zoom, onZoom }: { zoom: number; onZoom: (zoom: number) => void }) {
  const button = (name: 'plus' | 'minus', next: number) => (
    <button
      type="button"
      class="button icon"
      aria-label={t(name === 'plus' ? 'zoomIn' : 'zoomOut')}
      disabled={next < 0 || next >= ZOOMS.length}
      onClick={() => onZoom(next)}
    >
      <Icon name={name} />
    </button>
  );
  return (
    <div class="segments" role="group" aria-label={t('zoom')}>
      {button('minus', zoom - 1)}
      {button('plus', zoom + 1)}
    </div>
  );
}

/** The width that the map has, known before the first paint and followed afterwards. */
function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [host, width];
}
