import { expect, test } from 'vitest';
import type { Group } from './groups';
import { defaultZoom, layOut, moveFrom, tileAt, tileRect, type Layout } from './layout';

function groups(...sizes: number[]): Group[] {
  let row = 0;
  return sizes.map((size, index) => ({
    name: `g${index}`, kind: 'named', held: 0, rows: Array.from({ length: size }, () => row++),
  }));
}

function everyTile(layout: Layout) {
  return layout.boxes.flatMap((box, index) =>
    box.group.rows.map((_, nth) => ({ box: index, nth, rect: tileRect(box, nth, layout.tileHeight) })),
  );
}

test.each([[360], [777], [1280], [1920]])('every tile lies inside the map and is found by its middle (%i px)', (width) => {
  for (const sizes of [[8, 8, 8, 8, 8, 8, 8, 8], [3, 300, 1, 42, 17], [1], [16, 8]]) {
    for (const zoom of [0, 1, 2, 3, 4]) {
      const layout = layOut(groups(...sizes), width, zoom);
      for (const { box, nth, rect } of everyTile(layout)) {
        expect(rect.x).toBeGreaterThanOrEqual(0);
        expect(rect.x + rect.width).toBeLessThanOrEqual(width + 0.5);
        expect(rect.y + rect.height).toBeLessThanOrEqual(layout.height);
        expect(tileAt(layout, rect.x + rect.width / 2, rect.y + rect.height / 2)).toEqual({ box, nth });
      }
    }
  }
});

test('nodes of one size align with both edges', () => {
  const layout = layOut(groups(...Array.from({ length: 40 }, () => 8)), 1231, 1);
  const right = Math.max(...layout.boxes.map((box) => box.x + box.width));
  expect(right).toBeCloseTo(1231, 3);
});

test('between tiles there is nothing', () => {
  const layout = layOut(groups(8, 8), 600, 1);
  expect(tileAt(layout, 2, 2)).toBeNull();
  expect(tileAt(layout, 300, layout.height + 50)).toBeNull();
});

test('arrows walk through all tiles and stop at the ends', () => {
  const layout = layOut(groups(8, 8, 3), 400, 1);
  let place = { box: 0, nth: 0 };
  for (let step = 0; step < 18; step += 1) place = moveFrom(layout, place, 'ArrowRight');
  expect(place).toEqual({ box: 2, nth: 2 });
  expect(moveFrom(layout, place, 'ArrowRight')).toEqual(place);
  expect(moveFrom(layout, place, 'Home')).toEqual({ box: 0, nth: 0 });
  expect(moveFrom(layout, { box: 0, nth: 0 }, 'End')).toEqual(place);
  expect(moveFrom(layout, place, 'PageUp')).toEqual({ box: 1, nth: 0 });
});

test('down and up lead to the tile below and back', () => {
  const layout = layOut(groups(...Array.from({ length: 12 }, () => 8)), 800, 1);
  const start = { box: 1, nth: 3 };
  const below = moveFrom(layout, start, 'ArrowDown');
  expect(layout.boxes[below.box]?.y).toBeGreaterThan(layout.boxes[1]?.y ?? 0);
  expect(moveFrom(layout, below, 'ArrowUp')).toEqual(start);
  expect(moveFrom(layout, start, 'ArrowUp')).toEqual(start);
});

test('few GPUs are drawn large, many small', () => {
  expect(defaultZoom(4, 1280)).toBe(4);
  expect(defaultZoom(64, 1280)).toBe(3);
  expect(defaultZoom(1000, 1280)).toBe(1);
  expect(defaultZoom(10_000, 1280)).toBe(0);
});
