/** One line of the attention list in words. Keys come from the server; an unknown one is shown as it is. */
import type { AttentionLine } from '../api/snapshot';
import { celsius, number, shortDuration } from '../format/format';
import { findingWords } from '../gpu/findings';
import { SEVERITY } from '../gpu/states';
import { isWord, t, type Values, type Word } from '../words/words';

/** How each argument is written. */
const WRITE: Readonly<Record<string, (value: number) => string>> = {
  temp: celsius,
  limit: celsius,
  gpus: (value) => t('gpusCount', { n: number(value) }),
  hours: (value) => shortDuration(value * 3600),
  count: (value) => number(value),
};

/** `79 (fell off the bus)`; a code without a short meaning alone. */
export function xidText(code: number): string {
  const key = `xid_${code}`;
  return isWord(key) ? `${code} (${t(key)})` : String(code);
}

export function attentionText(line: AttentionLine): string {
  const xid = line.key === 'xid' ? line.args?.['xid'] : undefined;
  if (typeof xid === 'number') return t('att_xid', { xid: xidText(xid) });
  const args = Object.entries(line.args ?? {});
  const bare = `att_${line.key}_bare`;
  const key = args.some(([, value]) => value === null) && isWord(bare) ? bare : `att_${line.key}`;
  const values: Record<string, string | number> = {};
  for (const [name, value] of args) {
    if (value === null) continue;
    const write = typeof value === 'number' ? WRITE[name] : undefined;
    if (name === 'finding') values[name] = findingWords(String(value))[0]?.name ?? '';
    else values[name] = write === undefined ? value : write(value as number);
  }
  return isWord(key) ? t(key as Word, values as Values) : line.key;
}

export function attentionName(line: AttentionLine): string {
  if (line.node === undefined) return '';
  return line.gpu === undefined ? line.node : `${line.node}/${line.gpu}`;
}

export function AttentionMark({ severity }: { severity: AttentionLine['severity'] }) {
  const look = SEVERITY[severity];
  return (
    <span class={`glyph tone-${severity}`} role="img" aria-label={t(look.word)}>
      {look.glyph}
    </span>
  );
}
