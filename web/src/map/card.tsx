/** The card beside a tile: who, how much, and what is wrong; with MIG, every instance by name. */
import type { ComponentChildren } from 'preact';
import type { AttentionLine } from '../api/snapshot';
import { percent } from '../format/format';
import type { Fleet } from '../live/fleet';
import { gpuName, instanceName, modelName } from '../gpu/name';
import { CellText, ReadingText } from '../gpu/readings';
import { stateLook, stateWord } from '../gpu/states';
import { attentionText, AttentionMark } from '../overview/attention-line';
import { t } from '../words/words';
import { holderOf } from './groups';
import type { Rect } from './layout';
import { QUANTITIES, type QuantityId } from './quantity';

const WIDTH = 352;
const SHOWN: readonly QuantityId[] = ['utilization', 'memory', 'temperature', 'power'];

export function Card({ fleet, row, rect }: { fleet: Fleet; row: number; rect: Rect }) {
  const uuid = fleet.text('gpu', 'uuid', row);
  const lines = fleet.snapshot.attention.filter((line) => line.uuid === uuid);
  const mig = fleet.migRows(row);
  return (
    <div class="card" style={position(rect)}>
      <header>
        <strong>{gpuName(fleet, row)}</strong>
        <span class="dim">{modelName(fleet.word('gpu', 'model', row))}</span>
      </header>
      {lines.map((line) => (
        <Problem key={line.key} line={line} />
      ))}
      <p>
        <State fleet={fleet} table="gpu" row={row} />
        <span class="holder">{holderOf(fleet, row)}</span>
      </p>
      <dl>
        {SHOWN.map((id) => (
          <Value key={id} name={t(QUANTITIES[id].word)}>
            <ReadingText
              reading={QUANTITIES[id].reading(fleet, row)}
              format={(value) => QUANTITIES[id].text(fleet, row, value)}
            />
          </Value>
        ))}
      </dl>
      {mig.length > 0 && (
        <ul class="instances">
          {mig.map((each) => (
            <li key={each}>
              <span>{instanceName(fleet, each)}</span>
              <State fleet={fleet} table="mig" row={each} />
              <span class="number">
                <CellText fleet={fleet} table="mig" column="util" row={each} format={percent} />
              </span>
              <span class="holder">{fleet.word('mig', 'holder', each)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Below the tile, and within the map's width. */
function position(rect: Rect): Record<string, string> {
  const left = `max(0px, min(${Math.round(rect.x)}px, 100% - ${WIDTH}px))`;
  return { top: `${Math.round(rect.y + rect.height + 6)}px`, left, width: `min(${WIDTH}px, 100%)` };
}

function Problem({ line }: { line: AttentionLine }) {
  return (
    <p>
      <AttentionMark severity={line.severity} /> {attentionText(line)}
    </p>
  );
}

/** The state's mark in its colour, and its word. */
export function State({ fleet, table, row }: { fleet: Fleet; table: 'gpu' | 'mig' | 'session'; row: number }) {
  const state = fleet.word(table, 'state', row);
  const look = stateLook(state);
  return (
    <span class="state">
      <span class={`glyph tone-${look.tone}`} aria-hidden="true">
        {look.glyph}
      </span>
      {stateWord(state)}
    </span>
  );
}

function Value({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
