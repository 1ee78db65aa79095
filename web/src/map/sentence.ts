/** What a tile says aloud, and the value it shows. */
import type { Fleet } from '../live/fleet';
import { failedWords } from '../gpu/readings';
import { gpuName } from '../gpu/name';
import { stateWord } from '../gpu/states';
import { t } from '../words/words';
import { holderOf } from './groups';
import { QUANTITIES, quantityOf, type ColourBy, type Quantity } from './quantity';

/** "gpu-0007/1: idle, 39 °C, ml-1/nb-kim". */
export function tileSentence(fleet: Fleet, row: number, colour: ColourBy): string {
  const values = {
    name: gpuName(fleet, row),
    state: stateWord(fleet.word('gpu', 'state', row)),
    value: valueText(fleet, row, quantityOf(colour) ?? QUANTITIES.utilization),
    holder: holderOf(fleet, row),
  };
  return values.holder === '' ? t('tileSays', values) : t('tileHeld', values);
}

/** The quantity's value in words; "not supported" and "failed" are said as such. */
export function valueText(fleet: Fleet, row: number, quantity: Quantity): string {
  const reading = quantity.reading(fleet, row);
  if (reading === 'unsupported') return t('notSupported');
  if (reading === 'failed') return failedWords(null);
  return quantity.text(fleet, row, reading);
}
