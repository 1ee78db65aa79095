/**
 * The GPU map: a canvas that covers the part of the page in view and half a screen around it, one
 * real link that lies over the tile in question (it takes focus, clicks and "open in a new tab"),
 * and a card about that tile. The same data stand in the table for those who cannot use the map.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Fleet } from '../live/fleet';
import { tick } from '../live/live';
import { gpuHref, modelName } from '../gpu/name';
import type { Severity } from '../gpu/states';
import { keepInEntry, kept } from '../state/location';
import { theme } from '../state/preferences';
import { t } from '../words/words';
import { Card } from './card';
import type { Group } from './groups';
import { moveFrom, tileAt, tileRect, type Layout, type Place } from './layout';
import { paint, readInks, type Scene } from './paint';
import type { ColourBy } from './quantity';
import { tileSentence } from './sentence';

interface Props {
  fleet: Fleet;
  layout: Layout;
  colour: ColourBy;
  severity: readonly Severity[];
}

const KEYS = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown']);

/** The name over a group's box. */
export function groupTitle(group: Group): string {
  return group.kind === 'free' ? t('nobody') : group.kind === 'outside' ? t('noNamespace') : modelName(group.name);
}

export function GpuMap({ fleet, layout, colour, severity }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const link = useRef<HTMLAnchorElement>(null);
  const [place, setPlace] = useState<Place>({ box: 0, nth: 0 });
  const [shown, setShown] = useState<'none' | 'pointer' | 'focus'>('none');
  const present = within(layout, place);
  const box = layout.boxes[present.box];
  const row = box?.group.rows[present.nth];
  useCanvas(root, { fleet, layout, colour, severity });
  useRestoredSelection(fleet, layout, setPlace, link);
  if (box === undefined || row === undefined) return null;
  const rect = tileRect(box, present.nth, layout.tileHeight);

  const onMove = (event: PointerEvent): void => {
    const bounds = root.current?.getBoundingClientRect();
    if (bounds === undefined || event.pointerType === 'touch') return;
    const found = tileAt(layout, event.clientX - bounds.left, event.clientY - bounds.top);
    if (found === null) {
      if (shown === 'pointer') setShown('none');
      return;
    }
    if (document.activeElement === link.current && shown === 'focus') link.current?.blur();
    setPlace(found);
    setShown('pointer');
  };
  const onTouch = (event: PointerEvent): void => {
    const bounds = root.current?.getBoundingClientRect();
    if (bounds === undefined || event.pointerType !== 'touch') return;
    const found = tileAt(layout, event.clientX - bounds.left, event.clientY - bounds.top);
    if (found !== null) setPlace(found);
    setShown(found === null ? 'none' : 'pointer');
  };
  const onKey = (event: KeyboardEvent): void => {
    if (!KEYS.has(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    setPlace(moveFrom(layout, present, event.key));
    setShown('focus');
    // The link moves with the next render; only then can it be brought into view.
    requestAnimationFrame(() => link.current?.scrollIntoView({ block: 'nearest' }));
  };
  return (
    <div
      class="map fresh"
      ref={root}
      style={{ height: `${layout.height}px` }}
      onPointerMove={onMove}
      onPointerUp={onTouch}
      onPointerLeave={() => shown === 'pointer' && setShown('none')}
    >
      <canvas aria-hidden="true" />
      <a
        ref={link}
        class="tile"
        href={gpuHref(fleet, row)}
        aria-label={tileSentence(fleet, row, colour)}
        style={{
          left: `${rect.x}px`, top: `${rect.y}px`, width: `${rect.width}px`, height: `${rect.height}px`,
        }}
        onKeyDown={onKey}
        onFocus={() => setShown('focus')}
        onBlur={() => setShown('none')}
        onClick={() => keepInEntry({ selected: fleet.text('gpu', 'uuid', row) })}
      />
      {shown !== 'none' && <Card fleet={fleet} row={row} rect={rect} />}
    </div>
  );
}

/** A place that still exists in the layout. */
function within(layout: Layout, place: Place): Place {
  const size = layout.boxes[place.box]?.group.rows.length ?? 0;
  return place.nth < size ? place : { box: 0, nth: 0 };
}

/** Coming back from a GPU's page, its tile has the focus again. */
function useRestoredSelection(
  fleet: Fleet,
  layout: Layout,
  setPlace: (place: Place) => void,
  link: { current: HTMLAnchorElement | null },
): void {
  useEffect(() => {
    const { selected } = kept();
    const row = selected === undefined ? -1 : fleet.gpuRow(selected);
    if (row < 0) return;
    const box = layout.boxes.findIndex((each) => each.group.rows.includes(row));
    const nth = layout.boxes[box]?.group.rows.indexOf(row) ?? -1;
    if (nth < 0) return;
    setPlace({ box, nth });
    requestAnimationFrame(() => link.current?.focus({ preventScroll: true }));
  }, []);
}

/** Keeps the canvas over the part in view and draws it when data, size, theme or position change. */
function useCanvas(root: { current: HTMLDivElement | null }, given: Props): void {
  const inks = useMemo(() => readInks(theme.value), [theme.value]);
  const scene = useRef<Scene | null>(null);
  scene.current = { ...given, inks, title: (box) => groupTitle(box.group) };
  const band = useRef<Band>({ top: 0, height: 0, width: 0, ratio: 0 });
  useLayoutEffect(() => {
    place(root.current, given.layout, band.current, true);
    draw(root.current, scene.current, band.current);
  }, [given.layout, given.colour, inks, given.fleet, tick.value]);
  useEffect(() => {
    const follow = (): void => {
      const now = scene.current;
      if (now !== null && place(root.current, now.layout, band.current, false)) draw(root.current, now, band.current);
    };
    window.addEventListener('scroll', follow, { passive: true });
    window.addEventListener('resize', follow);
    return () => {
      window.removeEventListener('scroll', follow);
      window.removeEventListener('resize', follow);
    };
  }, []);
}

/** The part of the map that the canvas covers. */
interface Band {
  top: number;
  height: number;
  width: number;
  ratio: number;
}

/** Moves the canvas where the window has left its band; says whether it must be drawn anew. */
function place(root: HTMLDivElement | null, layout: Layout, band: Band, force: boolean): boolean {
  const canvas = root?.querySelector('canvas');
  if (root === null || !canvas) return false;
  const bounds = root.getBoundingClientRect();
  const view = window.innerHeight;
  const ratio = window.devicePixelRatio;
  const seen = { from: Math.max(0, -bounds.top), to: Math.min(layout.height, view - bounds.top) };
  const covered = seen.from >= band.top && seen.to <= band.top + band.height;
  const same = band.width === bounds.width && band.ratio === ratio;
  if (covered && same && !force) return false;
  const top = Math.max(0, Math.floor(seen.from - view / 2));
  const height = Math.max(1, Math.min(Math.ceil(layout.height), Math.ceil(seen.to + view / 2)) - top);
  if (band.height !== height || !same) {
    canvas.width = Math.round(bounds.width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${bounds.width}px`;
    canvas.style.height = `${height}px`;
  }
  if (band.top !== top) canvas.style.top = `${top}px`;
  Object.assign(band, { top, height, width: bounds.width, ratio });
  return true;
}

function draw(root: HTMLDivElement | null, scene: Scene | null, band: Band): void {
  const context = root?.querySelector('canvas')?.getContext('2d');
  if (!context || scene === null || document.visibilityState === 'hidden') return;
  context.setTransform(band.ratio, 0, 0, band.ratio, 0, 0);
  paint(context, scene, band.top, band.height);
}
