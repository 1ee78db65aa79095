/**
 * The sequence colours: viridis, clipped so that its low end is seen on dark (from 0.2) and its
 * high end on white (to 0.8). Anchors are the colour map's published values at steps of 1/16.
 */
const ANCHORS = [
  0x440154, 0x48186a, 0x472d7b, 0x424086, 0x3b528b, 0x33638d, 0x2c728e, 0x26828e, 0x21918c,
  0x1fa088, 0x28ae80, 0x3fbc73, 0x5ec962, 0x84d44b, 0xaddc30, 0xd8e219, 0xfde725,
] as const;
const STEPS = 256;

/** Clipped ends of the colour map per theme. */
export const CLIP = { dark: [0.2, 1], light: [0, 0.8] } as const;

function at(position: number): string {
  const place = Math.min(1, Math.max(0, position)) * (ANCHORS.length - 1);
  const low = Math.min(ANCHORS.length - 2, Math.floor(place));
  const part = place - low;
  const mix = (shift: number): number => {
    const from = ((ANCHORS[low] ?? 0) >> shift) & 255;
    const to = ((ANCHORS[low + 1] ?? 0) >> shift) & 255;
    return Math.round(from + (to - from) * part);
  };
  return `#${((1 << 24) | (mix(16) << 16) | (mix(8) << 8) | mix(0)).toString(16).slice(1)}`;
}

function table([from, to]: readonly [number, number]): readonly string[] {
  return Array.from({ length: STEPS }, (_, step) => at(from + ((to - from) * step) / (STEPS - 1)));
}

const TABLES = { dark: table(CLIP.dark), light: table(CLIP.light) } as const;

/** The colour of a part from 0 to 1; what lies outside takes the nearest end. */
export function sequence(theme: 'dark' | 'light', part: number): string {
  const step = Math.round(Math.min(1, Math.max(0, part)) * (STEPS - 1));
  return TABLES[theme][step] ?? '#000000';
}

/** Whether black or white text is read better on a colour `#rrggbb`. */
export function inkOn(colour: string): '#000000' | '#ffffff' {
  const value = Number.parseInt(colour.slice(1), 16);
  return luminance(value) > 0.179 ? '#000000' : '#ffffff';
}

/** Relative luminance as WCAG 2 defines it, of 0xrrggbb. */
export function luminance(rgb: number): number {
  const linear = (shift: number): number => {
    const part = ((rgb >> shift) & 255) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0);
}

/** Contrast of two colours as WCAG 2 defines it, 1 to 21. */
export function contrast(a: number, b: number): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}
