/**
 * Where every tile of the map stands. Boxes are laid on shelves from left to right; where all
 * groups have about the same size (nodes), boxes and tiles stretch so that both edges of the map
 * align. Pure: widths in, rectangles out, all in CSS pixels.
 */
import type { Group } from './groups';

export interface Box {
  group: Group;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Tiles in a row, and the size of each. */
  columns: number;
  tileWidth: number;
}

export interface Layout {
  boxes: Box[];
  height: number;
  tileHeight: number;
  /** Whether a tile has room for a figure. */
  figures: boolean;
  /** Whether it also has room for its number and holder. */
  details: boolean;
}

/** Tile sizes by zoom: least width, height. */
export const ZOOMS = [
  { width: 14, height: 16 },
  { width: 20, height: 24 },
  { width: 30, height: 32 },
  { width: 46, height: 44 },
  { width: 104, height: 68 },
] as const;

export const HEAD = 24;
export const PAD = 6;
const BOX_GAP = 8;
const TILE_GAP = 1;
/** A box gets no wider than this many tiles, so that a node's 16 GPUs stay one row. */
const MOST_COLUMNS = 16;
/** The head of a box needs at least this. */
const LEAST_BOX = 104;
/** Figures need this much width. */
const FIGURE_WIDTH = 26;
/** Number and holder need this much. */
const DETAIL_WIDTH = 88;

/** The zoom that fills a screen pleasantly: few GPUs are drawn large. */
export function defaultZoom(gpus: number, width: number): number {
  if (gpus <= 16) return width < 600 ? 3 : 4;
  if (gpus <= 128) return width < 600 ? 2 : 3;
  return gpus <= 512 ? 2 : gpus <= 4096 ? 1 : 0;
}

export function layOut(groups: readonly Group[], width: number, zoom: number): Layout {
  const size = ZOOMS[Math.min(ZOOMS.length - 1, Math.max(0, zoom))] ?? ZOOMS[1];
  const largest = groups.reduce((most, group) => Math.max(most, group.rows.length), 1);
  const boxes =
    largest <= MOST_COLUMNS
      ? grid(groups, width, size, largest)
      : shelves(groups, width, size);
  const height = boxes.reduce((most, box) => Math.max(most, box.y + box.height), 0);
  const narrowest = boxes.reduce((least, box) => Math.min(least, box.tileWidth), Number.POSITIVE_INFINITY);
  return {
    boxes,
    height,
    tileHeight: size.height,
    figures: narrowest >= FIGURE_WIDTH && size.height >= 28,
    details: narrowest >= DETAIL_WIDTH && size.height >= 60,
  };
}

type Size = (typeof ZOOMS)[number];

const rowsHeight = (rows: number, height: number): number => rows * height + (rows - 1) * TILE_GAP;

/** Equal boxes in equal columns over the whole width. */
function grid(groups: readonly Group[], width: number, size: Size, largest: number): Box[] {
  const inner = Math.max(1, width - 2 * PAD);
  const columns = Math.min(largest, Math.max(1, Math.floor((inner + TILE_GAP) / (size.width + TILE_GAP))));
  const least = Math.max(LEAST_BOX, columns * (size.width + TILE_GAP) - TILE_GAP + 2 * PAD + 2);
  const across = Math.max(1, Math.floor((width + BOX_GAP) / (least + BOX_GAP)));
  const boxWidth = (width - (across - 1) * BOX_GAP) / across;
  const tileWidth = (boxWidth - 2 * PAD - 2 - (columns - 1) * TILE_GAP) / columns;
  let y = 0;
  const boxes: Box[] = [];
  for (let start = 0; start < groups.length; start += across) {
    const shelf = groups.slice(start, start + across);
    const rows = shelf.reduce((most, group) => Math.max(most, Math.ceil(group.rows.length / columns)), 1);
    const height = HEAD + rowsHeight(rows, size.height) + PAD;
    shelf.forEach((group, index) => {
      boxes.push({ group, x: index * (boxWidth + BOX_GAP), y, width: boxWidth, height, columns, tileWidth });
    });
    y += height + BOX_GAP;
  }
  return boxes;
}

/** Boxes as wide as their groups need, wrapped where the width ends. */
function shelves(groups: readonly Group[], width: number, size: Size): Box[] {
  const most = Math.max(1, Math.floor((width - 2 * PAD - 2 + TILE_GAP) / (size.width + TILE_GAP)));
  const tileWidth = (width - 2 * PAD - 2 + TILE_GAP) / most - TILE_GAP;
  const boxes: Box[] = [];
  let x = 0;
  let y = 0;
  let shelf: Box[] = [];
  const close = (): void => {
    const height = shelf.reduce((highest, box) => Math.max(highest, box.height), 0);
    for (const box of shelf) box.height = height;
    y += height + BOX_GAP;
    x = 0;
    shelf = [];
  };
  for (const group of groups) {
    const columns = Math.min(most, group.rows.length);
    const own = Math.max(LEAST_BOX, columns * (tileWidth + TILE_GAP) - TILE_GAP + 2 * PAD + 2);
    if (shelf.length > 0 && x + own > width + 0.5) close();
    const height = HEAD + rowsHeight(Math.ceil(group.rows.length / columns), size.height) + PAD;
    const box: Box = { group, x, y, width: Math.min(own, width), height, columns, tileWidth };
    shelf.push(box);
    boxes.push(box);
    x += own + BOX_GAP;
  }
  if (shelf.length > 0) close();
  return boxes;
}

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The rectangle of the `nth` tile of a box. */
export function tileRect(box: Box, nth: number, tileHeight: number): Rect {
  const column = nth % box.columns;
  const row = Math.floor(nth / box.columns);
  return {
    x: box.x + 1 + PAD + column * (box.tileWidth + TILE_GAP),
    y: box.y + HEAD + row * (tileHeight + TILE_GAP),
    width: box.tileWidth,
    height: tileHeight,
  };
}

export interface Place {
  box: number;
  nth: number;
}

/** The tile at a point, or null. */
export function tileAt(layout: Layout, x: number, y: number): Place | null {
  for (let index = firstBoxAt(layout, y); index < layout.boxes.length; index += 1) {
    const box = layout.boxes[index];
    if (box === undefined || box.y > y) break;
    if (x < box.x || x >= box.x + box.width || y >= box.y + box.height) continue;
    const column = Math.floor((x - box.x - 1 - PAD) / (box.tileWidth + TILE_GAP));
    const row = Math.floor((y - box.y - HEAD) / (layout.tileHeight + TILE_GAP));
    const nth = row * box.columns + column;
    const inside = column >= 0 && column < box.columns && row >= 0 && nth < box.group.rows.length;
    return inside ? { box: index, nth } : null;
  }
  return null;
}

/** Boxes lie by rising y, so the first that reaches `y` is found by halving. */
export function firstBoxAt(layout: Layout, y: number): number {
  let low = 0;
  let high = layout.boxes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const box = layout.boxes[middle];
    if (box !== undefined && box.y + box.height <= y) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where a key leads from a tile; the same place where it leads nowhere. */
export function moveFrom(layout: Layout, place: Place, key: string): Place {
  const last = layout.boxes.length - 1;
  const size = (box: number): number => layout.boxes[box]?.group.rows.length ?? 0;
  switch (key) {
    case 'ArrowRight':
      if (place.nth + 1 < size(place.box)) return { box: place.box, nth: place.nth + 1 };
      return place.box < last ? { box: place.box + 1, nth: 0 } : place;
    case 'ArrowLeft':
      if (place.nth > 0) return { box: place.box, nth: place.nth - 1 };
      return place.box > 0 ? { box: place.box - 1, nth: size(place.box - 1) - 1 } : place;
    case 'ArrowDown':
      return vertical(layout, place, 1);
    case 'ArrowUp':
      return vertical(layout, place, -1);
    case 'Home':
      return { box: 0, nth: 0 };
    case 'End':
      return { box: last, nth: size(last) - 1 };
    case 'PageDown':
      return { box: Math.min(last, place.box + 1), nth: 0 };
    case 'PageUp':
      return { box: Math.max(0, place.box - 1), nth: 0 };
    default:
      return place;
  }
}

/** The tile above or below: in the same box, else the nearest of the next shelf. */
function vertical(layout: Layout, place: Place, direction: 1 | -1): Place {
  const box = layout.boxes[place.box];
  if (box === undefined) return place;
  const within = place.nth + direction * box.columns;
  if (within >= 0 && within < box.group.rows.length) return { box: place.box, nth: within };
  const from = tileRect(box, place.nth, layout.tileHeight);
  const middle = from.x + from.width / 2;
  let best = place;
  let least = Number.POSITIVE_INFINITY;
  let shelf: number | null = null;
  for (let index = place.box + direction; index >= 0 && index < layout.boxes.length; index += direction) {
    const other = layout.boxes[index];
    if (other === undefined || other.y === box.y) continue;
    shelf ??= other.y;
    if (other.y !== shelf) break;
    for (const nth of edgeRow(other, direction)) {
      const rect = tileRect(other, nth, layout.tileHeight);
      const distance = Math.abs(rect.x + rect.width / 2 - middle);
      if (distance < least) {
        least = distance;
        best = { box: index, nth };
      }
    }
  }
  return best;
}

/** The tiles of a box's first row (coming from above), or of its last. */
function edgeRow(box: Box, direction: 1 | -1): number[] {
  const count = box.group.rows.length;
  const start = direction === 1 ? 0 : Math.floor((count - 1) / box.columns) * box.columns;
  return Array.from({ length: Math.min(box.columns, count - start) }, (_, index) => start + index);
}
