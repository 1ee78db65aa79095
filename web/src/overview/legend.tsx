/** What the colours and marks of the map mean; always in view. */
import { useEffect, useRef } from 'preact/hooks';
import { celsius, watts } from '../format/format';
import type { Fleet } from '../live/fleet';
import { sequence } from '../colour/viridis';
import { stateLook, stateWord, SEVERITY, type Severity } from '../gpu/states';
import { quantityOf, type ColourBy, type Quantity } from '../map/quantity';
import { theme } from '../state/preferences';
import { isWord, t } from '../words/words';

const STATES = ['active', 'starting', 'idle', 'held', 'stale', 'allocated', 'unknown', 'free'] as const;
const HEALTH: readonly Severity[] = ['ok', 'warning', 'critical', 'unknown'];

export function Legend({ fleet, colour }: { fleet: Fleet; colour: ColourBy }) {
  const quantity = quantityOf(colour);
  return (
    <div class="legend">
      {quantity !== null && <Ramp fleet={fleet} quantity={quantity} />}
      {colour === 'state' && STATES.map((state) => <StateKey key={state} state={state} />)}
      {colour === 'health' &&
        HEALTH.map((severity) => (
          <span class="key" key={severity}>
            <span class={`tone-${severity}`} aria-hidden="true">
              {SEVERITY[severity].glyph}
            </span>
            {t(SEVERITY[severity].word)}
          </span>
        ))}
      {quantity?.hollow && <Swatch look="" word={t('legendHollow')} />}
      {colour !== 'health' && <Swatch look="critical" word={t('critical')} />}
      {colour !== 'health' && <Swatch look="warning" word={t('warning')} />}
      <Swatch look="hatched" word={t('legendNoData')} />
      {quantity !== null && (
        <span class="key">
          <b class="tone-critical" aria-hidden="true">
            !
          </b>
          {t('legendFailed')}
        </span>
      )}
    </div>
  );
}

function StateKey({ state }: { state: string }) {
  const look = stateLook(state);
  return (
    <span class="key">
      <span class={`tone-${look.tone}`} aria-hidden="true">
        {look.glyph}
      </span>
      {stateWord(state)}
    </span>
  );
}

function Swatch({ look, word }: { look: string; word: string }) {
  return (
    <span class="key">
      <span class={`swatch ${look}`} aria-hidden="true" />
      {word}
    </span>
  );
}

function Ramp({ fleet, quantity }: { fleet: Fleet; quantity: Quantity }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chosen = theme.value;
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    for (let x = 0; x < 128; x += 1) {
      context.fillStyle = sequence(chosen, x / 127);
      context.fillRect(x, 0, 1, 10);
    }
  }, [chosen]);
  return (
    <span class="ramp">
      {quantity.low}
      <canvas ref={canvas} width={128} height={10} role="img" aria-label={t(quantity.word)} />
      {isWord(quantity.high) ? `${t(quantity.high)} ${bound(fleet, quantity)}`.trim() : quantity.high}
    </span>
  );
}

/** The bound as a figure, where all GPUs have about the same: `92 °C`, `400–700 W`. */
function bound(fleet: Fleet, quantity: Quantity): string {
  const column = quantity.id === 'power' ? 'power_limit' : 'temp_slowdown';
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const cell of fleet.table('gpu')[column] ?? []) {
    if (typeof cell !== 'number') continue;
    least = Math.min(least, cell);
    most = Math.max(most, cell);
  }
  if (most === 0) return '';
  const write = quantity.id === 'power' ? watts : celsius;
  return least === most ? write(most) : `${Math.round(least)}–${write(most)}`;
}
