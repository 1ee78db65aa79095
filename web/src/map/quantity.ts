/**
 * What the map can be coloured by: the part of the domain that a GPU's reading takes (one domain
 * per quantity everywhere), its words, and the ends of the legend. Pure.
 */
import { celsius, memoryOf, percent, watts } from '../format/format';
import type { Fleet, Reading } from '../live/fleet';
import type { Word } from '../words/words';

export type QuantityId = 'utilization' | 'memory' | 'temperature' | 'power';

export interface Quantity {
  id: QuantityId;
  word: Word;
  /** The reading itself, and the part of the domain it takes, 0 to 1. */
  reading: (fleet: Fleet, row: number) => Reading;
  part: (fleet: Fleet, row: number) => Reading;
  text: (fleet: Fleet, row: number, value: number) => string;
  /** A few characters for inside a tile. */
  brief: (fleet: Fleet, row: number, value: number) => string;
  /** Whether a GPU that nobody uses is drawn hollow: its figure says nothing. */
  hollow: boolean;
  low: string;
  /** The high end: a figure, or the word of what bounds it. */
  high: string | Word;
}

/** Coldest temperature worth a colour of its own, °C. */
const COOL = 20;
/** Slowdown threshold where the device does not say it, °C; as the attention list assumes. */
const SLOWDOWN = 85;

const plain = (column: string) => (fleet: Fleet, row: number): Reading => fleet.reading('gpu', column, row);

/** A part of a bound that another column gives. */
function partOf(value: Reading, low: number, high: number | null): Reading {
  if (typeof value !== 'number') return value;
  return high === null || high <= low ? 'unsupported' : Math.min(1, Math.max(0, (value - low) / (high - low)));
}

export const QUANTITIES: Readonly<Record<QuantityId, Quantity>> = {
  utilization: {
    id: 'utilization', word: 'utilization', reading: plain('util'), hollow: true,
    part: (fleet, row) => partOf(fleet.reading('gpu', 'util', row), 0, 100),
    text: (_fleet, _row, value) => percent(value),
    brief: (_fleet, _row, value) => String(Math.round(value)),
    low: '0 %', high: '100 %',
  },
  memory: {
    id: 'memory', word: 'memory', reading: plain('mem_mib'), hollow: false,
    part: (fleet, row) => partOf(fleet.reading('gpu', 'mem_mib', row), 0, fleet.number('gpu', 'mem_total_mib', row)),
    text: (fleet, row, value) => memoryOf(value, fleet.number('gpu', 'mem_total_mib', row) ?? value),
    brief: (_fleet, _row, value) => String(Math.round(value / 1024)),
    low: '0', high: '100 %',
  },
  temperature: {
    id: 'temperature', word: 'temperature', reading: plain('temp'), hollow: false,
    part: (fleet, row) =>
      partOf(fleet.reading('gpu', 'temp', row), COOL, fleet.number('gpu', 'temp_slowdown', row) ?? SLOWDOWN),
    text: (_fleet, _row, value) => celsius(value),
    brief: (_fleet, _row, value) => String(Math.round(value)),
    low: celsius(COOL), high: 'slowdown',
  },
  power: {
    id: 'power', word: 'power', reading: plain('power'), hollow: false,
    part: (fleet, row) => partOf(fleet.reading('gpu', 'power', row), 0, fleet.number('gpu', 'power_limit', row)),
    text: (_fleet, _row, value) => watts(value),
    brief: (_fleet, _row, value) => String(Math.round(value)),
    low: '0 W', high: 'limit',
  },
};

export type ColourBy = QuantityId | 'state' | 'health';
export const COLOURS: readonly ColourBy[] = ['utilization', 'memory', 'temperature', 'power', 'state', 'health'];

/** The quantity of a choice; null for state and health, which are words. */
export function quantityOf(colour: ColourBy): Quantity | null {
  return colour === 'state' || colour === 'health' ? null : QUANTITIES[colour];
}
