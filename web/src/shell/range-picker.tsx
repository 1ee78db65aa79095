/** Chooses the range of history: presets, or two times typed in; always in the URL. */
import { useState } from 'preact/hooks';
import { shortTime, zoneName } from '../format/format';
import { nowMs } from '../live/live';
import { parameter, setParameters } from '../state/location';
import { zone } from '../state/preferences';
import { DEFAULT_FROM, PRESETS, parseRange, parseTime, spanOf } from '../state/range';
import { isWord, t } from '../words/words';
import { Popover } from '../widgets/popover';
import { Icon } from './icon';

export function RangePicker() {
  const from = parameter('from');
  const to = parameter('to');
  return (
    <Popover
      name={`${t('range')}: ${rangeLabel(from, to)}`}
      label={
        <>
          {rangeLabel(from, to)} <Icon name="down" />
        </>
      }
    >
      {(close) => (
        <>
          {PRESETS.map((preset) => (
            <button
              key={preset}
              type="button"
              class="button quiet"
              aria-pressed={(from || DEFAULT_FROM) === preset && (to === '' || to === 'now')}
              onClick={() => {
                setParameters({ from: preset === DEFAULT_FROM ? '' : preset, to: '' });
                close();
              }}
            >
              {t('rangeNow', { span: spanWords(preset.slice(4)) })}
            </button>
          ))}
          <TypedRange close={close} />
        </>
      )}
    </Popover>
  );
}

/** `1 h` of `1h`, in the person's language. */
function spanWords(span: string): string {
  const key = `span_${span.slice(-1)}`;
  return isWord(key) ? t(key, { n: span.slice(0, -1) }) : span;
}

/** `Last 1 h`, or both ends. */
function rangeLabel(from: string, to: string): string {
  const span = spanOf(from, to);
  if (span !== '') return t('rangeNow', { span: spanWords(span) });
  const now = nowMs();
  const range = parseRange(from, to, now);
  const name = zoneName(zone.value, range.toMs);
  return `${t('zeroTo', { from: shortTime(range.fromMs, now, zone.value), to: shortTime(range.toMs, now, zone.value) })} ${name}`;
}

function TypedRange({ close }: { close: () => void }) {
  const [from, setFrom] = useState(parameter('from') || DEFAULT_FROM);
  const [to, setTo] = useState(parameter('to') || 'now');
  const [problem, setProblem] = useState('');
  const apply = (event: Event): void => {
    event.preventDefault();
    const now = nowMs();
    const ends = [parseTime(from, now), parseTime(to, now)] as const;
    if (ends[0] === null) return setProblem(t('rangeBad', { text: from }));
    if (ends[1] === null) return setProblem(t('rangeBad', { text: to }));
    if (ends[0] >= ends[1]) return setProblem(t('rangeOrder'));
    setParameters({ from: from === DEFAULT_FROM ? '' : from, to: to === 'now' ? '' : to });
    close();
  };
  return (
    <form class="typed-range" onSubmit={apply}>
      <label>
        <span>{t('rangeFrom')}</span>
        <input class="input" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
      </label>
      <label>
        <span>{t('rangeTo')}</span>
        <input class="input" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
      </label>
      {problem !== '' && <p class="tone-critical" role="alert">{problem}</p>}
      <button type="submit" class="button">
        {t('rangeApply')}
      </button>
    </form>
  );
}
