import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { contrast, inkOn, sequence } from './viridis';

const css = readFileSync(new URL('../style/tokens.css', import.meta.url), 'utf8');

/** The variables of one theme's block. */
function tokens(theme: 'dark' | 'light'): Map<string, number> {
  const block = css.slice(css.indexOf(`:root[data-theme="${theme}"]`));
  const body = block.slice(block.indexOf('{'), block.indexOf('}'));
  return new Map(
    [...body.matchAll(/--([\w-]+): #([0-9a-f]{6});/g)].map((m) => [m[1] ?? '', Number.parseInt(m[2] ?? '', 16)]),
  );
}

/** Colour difference: the straight distance in OKLab times 100. */
function difference(a: number, b: number): number {
  const [x, y] = [oklab(a), oklab(b)];
  return 100 * Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

function linear(rgb: number): [number, number, number] {
  return [16, 8, 0].map((shift) => {
    const part = ((rgb >> shift) & 255) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
}

function oklab(rgb: number): [number, number, number] {
  const [r, g, b] = linear(rgb);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** Machado, Oliveira and Fernandes 2009, severity 1: what a dichromat sees, in linear RGB. */
const BLINDNESS: Readonly<Record<string, readonly number[]>> = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

function seen(rgb: number, matrix: readonly number[]): number {
  const [r, g, b] = linear(rgb);
  const channel = (row: number): number => {
    const value = (matrix[row] ?? 0) * r + (matrix[row + 1] ?? 0) * g + (matrix[row + 2] ?? 0) * b;
    const clipped = Math.min(1, Math.max(0, value));
    return Math.round(255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055));
  };
  return (channel(0) << 16) | (channel(3) << 8) | channel(6);
}

const THEMES = ['dark', 'light'] as const;

test.each(THEMES)('text, marks and focus are seen on every ground (%s)', (theme) => {
  const colours = tokens(theme);
  const of = (name: string): number => colours.get(name) ?? Number.NaN;
  for (const ground of ['background', 'panel', 'hover', 'accent-soft']) {
    for (const text of ['ink', 'dim', 'accent']) {
      expect(contrast(of(text), of(ground)), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  }
  for (const ground of ['background', 'panel']) {
    for (const mark of ['ok', 'warning', 'critical', 'unknown', 'focus']) {
      expect(contrast(of(mark), of(ground)), `${mark} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
    for (let n = 1; colours.has(`series-${n}`); n += 1) {
      expect(contrast(of(`series-${n}`), of(ground)), `series-${n} on ${ground}`).toBeGreaterThanOrEqual(3);
    }
  }
  expect(contrast(of('tile-border'), of('panel'))).toBeGreaterThanOrEqual(3);
  expect(contrast(of('on-accent'), of('accent'))).toBeGreaterThanOrEqual(4.5);
});

test.each(THEMES)('the four states of health are told apart by every eye (%s)', (theme) => {
  const colours = tokens(theme);
  const states = ['ok', 'warning', 'critical', 'unknown'].map((name) => colours.get(name) ?? Number.NaN);
  for (const [eye, matrix] of Object.entries(BLINDNESS)) {
    for (const [i, a] of states.entries()) {
      for (const b of states.slice(i + 1)) {
        expect(difference(seen(a, matrix), seen(b, matrix)), eye).toBeGreaterThan(10);
      }
    }
  }
});

test.each(THEMES)('the whole sequence stands out from the panel; borders carry the 3:1 (%s)', (theme) => {
  const panel = tokens(theme).get('panel') ?? Number.NaN;
  for (const part of [0, 0.5, 1]) {
    const colour = Number.parseInt(sequence(theme, part).slice(1), 16);
    expect(contrast(colour, panel), `${part}`).toBeGreaterThanOrEqual(1.6);
  }
});

test.each(THEMES)('figures on tiles are read on every colour of the sequence (%s)', (theme) => {
  for (let step = 0; step <= 100; step += 1) {
    const colour = sequence(theme, step / 100);
    const ink = inkOn(colour);
    expect(contrast(Number.parseInt(colour.slice(1), 16), Number.parseInt(ink.slice(1), 16))).toBeGreaterThan(4.5);
  }
});
