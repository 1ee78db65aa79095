/**
 * Draws the map onto a canvas: only the boxes that meet the band of the page that the canvas
 * covers. Colour is never alone: severity has a corner mark, free and idle tiles are hollow, and
 * what has no data is hatched.
 */
import type { Fleet } from '../live/fleet';
import { inkOn, sequence } from '../colour/viridis';
import type { Severity, StateLook } from '../gpu/states';
import { stateLook } from '../gpu/states';
import type { Quantity } from './quantity';
import { quantityOf, type ColourBy } from './quantity';
import { holderOf } from './groups';
import { firstBoxAt, HEAD, tileRect, type Box, type Layout, type Rect } from './layout';

/** Colours of the theme, read from the style sheet once per theme. */
export interface Inks {
  theme: 'dark' | 'light';
  panel: string;
  line: string;
  ink: string;
  dim: string;
  border: string;
  ok: string;
  warning: string;
  critical: string;
  unknown: string;
  font: string;
}

export function readInks(theme: 'dark' | 'light'): Inks {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    theme,
    panel: of('panel'), line: of('line'), ink: of('ink'), dim: of('dim'), border: of('tile-border'),
    ok: of('ok'), warning: of('warning'), critical: of('critical'), unknown: of('unknown'), font: of('font'),
  };
}

/** The mark of a free GPU: the hollow tile says it already. */
const FREE = stateLook('free').glyph;

export interface Scene {
  fleet: Fleet;
  layout: Layout;
  colour: ColourBy;
  severity: readonly Severity[];
  title: (box: Box) => string;
  inks: Inks;
}

/** Clears the canvas and draws what lies between `top` and `top + height` of the map. */
export function paint(context: CanvasRenderingContext2D, scene: Scene, top: number, height: number): void {
  const { layout } = scene;
  context.save();
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.translate(0, -top);
  context.textBaseline = 'middle';
  const brush = new Brush(context, scene);
  for (let index = firstBoxAt(layout, top); index < layout.boxes.length; index += 1) {
    const box = layout.boxes[index];
    if (box === undefined || box.y > top + height) break;
    brush.box(box);
  }
  context.restore();
}

class Brush {
  private readonly quantity: Quantity | null;
  private readonly hatch: CanvasPattern | null;

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly scene: Scene,
  ) {
    this.quantity = quantityOf(scene.colour);
    this.hatch = hatching(context, scene.inks);
  }

  box(box: Box): void {
    const { context } = this;
    const { inks, layout } = this.scene;
    const edge = snap(box);
    context.fillStyle = inks.panel;
    context.fillRect(edge.x, edge.y, edge.width, edge.height);
    this.outline(edge, inks.line);
    this.head(box);
    box.group.rows.forEach((row, nth) => this.tile(row, tileRect(box, nth, layout.tileHeight)));
  }

  private head(box: Box): void {
    const { context } = this;
    const { inks, title } = this.scene;
    const middle = box.y + HEAD / 2 + 1;
    const counts = `${box.group.held}/${box.group.rows.length}`;
    context.font = `12px ${inks.font}`;
    context.textAlign = 'right';
    context.fillStyle = inks.dim;
    context.fillText(counts, box.x + box.width - 7, middle);
    context.textAlign = 'left';
    context.fillStyle = inks.ink;
    const room = box.width - 22 - context.measureText(counts).width;
    context.fillText(fit(context, title(box), room), box.x + 7, middle);
  }

  private tile(row: number, rect: Rect): void {
    const { fleet, severity } = this.scene;
    const look = stateLook(fleet.word('gpu', 'state', row));
    const whole = snap(rect);
    let ink = this.scene.inks.ink;
    if (look.look === 'hatched') this.hatched(whole);
    else if (this.quantity !== null) ink = this.measured(row, whole, look, this.quantity);
    else ink = this.worded(row, whole, look);
    if (this.scene.layout.details) this.details(row, whole, ink);
    this.mark(whole, severity[row] ?? 'ok');
  }

  private hatched(rect: Rect): void {
    if (this.hatch !== null) this.fill(rect, this.hatch);
    this.outline(rect, this.scene.inks.border);
  }

  /** A tile coloured by a quantity; of a GPU with instances, a band for each. Gives the ink for text on it. */
  private measured(row: number, rect: Rect, look: StateLook, quantity: Quantity): string {
    const { fleet, inks, layout } = this.scene;
    const mig = quantity.id === 'utilization' ? fleet.migRows(row) : [];
    if (mig.length > 0) return this.bands(mig, rect);
    if (quantity.hollow && look.look === 'hollow') return this.hollow(rect, look);
    const part = quantity.part(fleet, row);
    if (typeof part !== 'number') return this.without(rect, part === 'failed');
    const colour = sequence(inks.theme, part);
    this.fill(rect, colour);
    this.outline(rect, part < 0.35 === (inks.theme === 'dark') ? inks.border : colour);
    const value = quantity.reading(fleet, row);
    if (layout.figures && typeof value === 'number') {
      this.figure(rect, quantity.brief(fleet, row, value), inkOn(colour));
    }
    return inkOn(colour);
  }

  /** Number and holder in the corners of a large tile. */
  private details(row: number, rect: Rect, ink: string): void {
    const { context } = this;
    const { fleet, inks } = this.scene;
    context.font = `11px ${inks.font}`;
    context.textAlign = 'left';
    context.fillStyle = ink;
    context.fillText(fleet.text('gpu', 'index', row), rect.x + 6, rect.y + 11);
    context.fillText(fit(context, holderOf(fleet, row), rect.width - 12), rect.x + 6, rect.y + rect.height - 9);
  }

  /** Nobody uses it; where there is room, the mark says whether somebody holds it all the same. */
  private hollow(rect: Rect, look: StateLook): string {
    const { inks, layout } = this.scene;
    this.outline(rect, inks.border);
    if (layout.figures && look.glyph !== FREE) {
      this.figure(rect, look.glyph, look.tone === 'dim' ? inks.dim : inks[look.tone]);
    }
    return inks.ink;
  }

  /** Bands as wide as each instance's slices; what is not cut stays hollow. */
  private bands(mig: readonly number[], rect: Rect): string {
    const { fleet, inks, layout } = this.scene;
    // On a large tile the bands leave room for number and holder.
    const top = layout.details ? rect.y + 20 : rect.y;
    const height = layout.details ? rect.height - 40 : rect.height;
    let x = rect.x;
    for (const row of mig) {
      const width = rect.width * (fleet.number('mig', 'share', row) ?? 1 / mig.length);
      const use = fleet.number('mig', 'util', row);
      const hollow = stateLook(fleet.word('mig', 'state', row)).look === 'hollow';
      if (use !== null && !hollow) {
        this.fill({ x, y: top, width: Math.max(1, width - 1), height }, sequence(inks.theme, use / 100));
      }
      x += width;
      this.context.fillStyle = inks.border;
      this.context.fillRect(Math.round(x) - 1, top, 1, height);
    }
    this.outline(rect, inks.border);
    return inks.ink;
  }

  /** A tile coloured by a word: state or health. */
  private worded(row: number, rect: Rect, look: StateLook): string {
    const { fleet, inks, layout, colour, severity } = this.scene;
    const health = severity[row] ?? 'ok';
    const ink = colour === 'health' ? inks[health] : look.tone === 'dim' ? inks.dim : inks[look.tone];
    const hollow = colour === 'state' && look.look === 'hollow';
    if (!hollow) this.fill(rect, ink);
    this.outline(rect, hollow ? inks.border : ink);
    const glyph = colour === 'health' ? '' : stateLook(fleet.word('gpu', 'state', row)).glyph;
    if (layout.figures) this.figure(rect, glyph, hollow ? ink : inkOn(ink));
    return hollow ? inks.ink : inkOn(ink);
  }

  /** Not supported, or failed now: hollow with a dash or a `!`. */
  private without(rect: Rect, failed: boolean): string {
    const { inks } = this.scene;
    if (failed) {
      this.outline(rect, inks.critical);
      this.figure(rect, '!', inks.critical);
    } else {
      this.outline(rect, inks.border);
      this.figure(rect, '—', inks.dim);
    }
    return inks.ink;
  }

  private fill(rect: Rect, style: string | CanvasPattern): void {
    this.context.fillStyle = style;
    this.context.fillRect(rect.x, rect.y, rect.width, rect.height);
  }

  private outline(rect: Rect, colour: string): void {
    this.context.strokeStyle = colour;
    this.context.lineWidth = 1;
    this.context.strokeRect(rect.x + 0.5, rect.y + 0.5, rect.width - 1, rect.height - 1);
  }

  private figure(rect: Rect, text: string, colour: string): void {
    const { context } = this;
    context.font = `${rect.width >= 88 ? 18 : rect.width >= 36 ? 13 : 11}px ${this.scene.inks.font}`;
    context.textAlign = 'center';
    context.fillStyle = colour;
    context.fillText(text, rect.x + rect.width / 2, rect.y + rect.height / 2 + 1);
  }

  /** Critical: a frame and a filled corner. Warning: a corner alone. Unknown: a small mark. */
  private mark(rect: Rect, severity: Severity): void {
    if (severity === 'ok' || severity === 'unknown') return;
    const { context } = this;
    const ink = this.scene.inks[severity];
    const size = Math.min(10, Math.max(6, rect.width / 3));
    const right = rect.x + rect.width;
    context.fillStyle = this.scene.inks.panel;
    corner(context, right, rect.y, size + 2);
    context.fillStyle = ink;
    corner(context, right, rect.y, size);
    if (severity !== 'critical') return;
    context.strokeStyle = ink;
    context.lineWidth = 2;
    context.strokeRect(rect.x + 1, rect.y + 1, rect.width - 2, rect.height - 2);
  }
}

function corner(context: CanvasRenderingContext2D, right: number, top: number, size: number): void {
  context.beginPath();
  context.moveTo(right - size, top);
  context.lineTo(right, top);
  context.lineTo(right, top + size);
  context.fill();
}

/** Whole pixels, so that edges are sharp and neighbours align. */
function snap(rect: Rect): Rect {
  const x = Math.round(rect.x);
  const y = Math.round(rect.y);
  return { x, y, width: Math.round(rect.x + rect.width) - x, height: Math.round(rect.y + rect.height) - y };
}

/** Cuts a text to the room it has. */
function fit(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let length = text.length - 1;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > room) length -= 1;
  return `${text.slice(0, length)}…`;
}

/** Thin slanted lines in the border's colour. */
function hatching(context: CanvasRenderingContext2D, inks: Inks): CanvasPattern | null {
  const cell = document.createElement('canvas');
  cell.width = 6;
  cell.height = 6;
  const brush = cell.getContext('2d');
  if (brush === null) return null;
  brush.strokeStyle = inks.border;
  brush.lineWidth = 1;
  brush.beginPath();
  for (const shift of [-6, 0, 6]) {
    brush.moveTo(shift, 6);
    brush.lineTo(shift + 6, 0);
  }
  brush.stroke();
  return context.createPattern(cell, 'repeat');
}
