/**
 * A reading as it is shown: the value, a dash with "not supported", or `!` with the time of the
 * last good value. These three never look alike.
 */
import { clock, DASH } from '../format/format';
import type { Fleet, Reading } from '../live/fleet';
import type { TableName } from '../api/snapshot';
import { zone } from '../state/preferences';
import { t } from '../words/words';

interface Props {
  reading: Reading;
  format: (value: number) => string;
  /** When a failed reading was last good, unix ms. */
  lastGoodMs?: number | null;
}

export function ReadingText({ reading, format, lastGoodMs = null }: Props) {
  if (reading === 'unsupported') {
    const words = t('notSupported');
    return (
      <span class="dim" title={words}>
        <span aria-hidden="true">{DASH}</span>
        <span class="visually-hidden">{words}</span>
      </span>
    );
  }
  if (reading === 'failed') {
    const words = failedWords(lastGoodMs);
    return (
      <span class="tone-critical" title={words}>
        <strong aria-hidden="true">!</strong>
        <span class="visually-hidden">{words}</span>
      </span>
    );
  }
  return <>{format(reading)}</>;
}

export function failedWords(lastGoodMs: number | null): string {
  return lastGoodMs === null ? t('failedNow') : t('failedLast', { time: clock(lastGoodMs, zone.value) });
}

/** The reading of a cell. */
export function CellText(props: {
  fleet: Fleet;
  table: TableName;
  column: string;
  row: number;
  format: (value: number) => string;
}) {
  const { fleet, table, column, row, format } = props;
  return (
    <ReadingText
      reading={fleet.reading(table, column, row)}
      format={format}
      lastGoodMs={fleet.lastGoodMs(table, column, row)}
    />
  );
}

/** A reading for exports: the value, `""` where not supported, `!` where it failed. */
export function readingForExport(reading: Reading, format: (value: number) => string = String): string {
  return reading === 'unsupported' ? '' : reading === 'failed' ? '!' : format(reading);
}
