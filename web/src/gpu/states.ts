/**
 * The states of GPUs, instances and sessions as they are shown: a mark, a colour, the look of a
 * tile, and always the word. Definitions stand with the session engine; this is only their look.
 */
import { isWord, t, type Word } from '../words/words';

export type Tone = 'ok' | 'warning' | 'critical' | 'unknown' | 'dim';
/** How a tile looks without a quantity: filled, hollow (nobody uses it), hatched (no data). */
export type Look = 'filled' | 'hollow' | 'hatched';

export interface StateLook {
  glyph: string;
  tone: Tone;
  look: Look;
}

const LOOKS: Readonly<Record<string, StateLook>> = {
  free: { glyph: '□', tone: 'dim', look: 'hollow' },
  allocated: { glyph: '⊡', tone: 'warning', look: 'hollow' },
  starting: { glyph: '◔', tone: 'ok', look: 'filled' },
  active: { glyph: '●', tone: 'ok', look: 'filled' },
  idle: { glyph: '○', tone: 'dim', look: 'hollow' },
  held: { glyph: '◐', tone: 'warning', look: 'hollow' },
  stale: { glyph: '▲', tone: 'warning', look: 'hollow' },
  unknown: { glyph: '?', tone: 'unknown', look: 'filled' },
  down: { glyph: '◆', tone: 'critical', look: 'hatched' },
  gone: { glyph: '◇', tone: 'dim', look: 'hatched' },
  ended: { glyph: '–', tone: 'dim', look: 'hollow' },
  no_compute_instance: { glyph: '□', tone: 'dim', look: 'hollow' },
};
const OTHER: StateLook = { glyph: '?', tone: 'unknown', look: 'filled' };

export function stateLook(state: string): StateLook {
  return LOOKS[state] ?? OTHER;
}

/** The word of a state; one that this page does not know is shown as it came. */
export function stateWord(state: string): string {
  const key = `st_${state}`;
  return isWord(key) ? t(key as Word) : state;
}

export type Severity = 'critical' | 'warning' | 'unknown' | 'ok';

export const SEVERITY: Readonly<Record<Severity, { glyph: string; word: Word }>> = {
  critical: { glyph: '◆', word: 'critical' },
  warning: { glyph: '▲', word: 'warning' },
  unknown: { glyph: '?', word: 'unknown' },
  ok: { glyph: '●', word: 'ok' },
};
