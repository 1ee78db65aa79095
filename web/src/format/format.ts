/**
 * Every number, unit, duration and time that the pages show is written here and nowhere else.
 * Pure: language and zone are arguments. Spaces between a number and its unit do not break.
 */
export type Language = 'ko' | 'en';

/** What stands where there is nothing to show. */
export const DASH = '—';
const NBSP = '\u00a0';

const numbers = new Map<string, Intl.NumberFormat>();

function numberFormat(digits: number): Intl.NumberFormat {
  const key = String(digits);
  let format = numbers.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
    numbers.set(key, format);
  }
  return format;
}

/** `1,410`; both languages group by thousands with a comma. */
export function number(value: number, digits = 0): string {
  // -0.04 rounds to "-0", which nobody wants to read.
  return numberFormat(digits).format(Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value);
}

/** A figure of the funnel: one decimal below 100 where it has a fraction, else whole. */
export function count(value: number): string {
  return value >= 100 || Math.abs(value - Math.round(value)) < 0.05 ? number(Math.round(value)) : number(value, 1);
}

/** `63 %`; one decimal in tables, none on tiles. */
export function percent(value: number, digits = 0): string {
  return `${number(value, digits)}${NBSP}%`;
}

/** Memory: `512 MiB`, from 1 GiB `61.3 GiB`; from 10 TiB `12.1 TiB`. */
export function memory(mib: number): string {
  if (mib < 1024) return `${number(mib)}${NBSP}MiB`;
  if (mib < 10 * 1024 * 1024) return `${number(mib / 1024, 1)}${NBSP}GiB`;
  return `${number(mib / 1024 / 1024, 1)}${NBSP}TiB`;
}

/** `61.3 / 79.6 GiB`, both in the unit that suits the whole. */
export function memoryOf(usedMib: number, totalMib: number): string {
  if (totalMib < 1024) return `${number(usedMib)} / ${number(totalMib)}${NBSP}MiB`;
  if (totalMib < 10 * 1024 * 1024) return `${number(usedMib / 1024, 1)} / ${number(totalMib / 1024, 1)}${NBSP}GiB`;
  return `${number(usedMib / 1024 ** 2, 1)} / ${number(totalMib / 1024 ** 2, 1)}${NBSP}TiB`;
}

/** Memory on a chart, whose axis is in GiB throughout. */
export function gibibytes(value: number): string {
  return `${number(value, 1)}${NBSP}GiB`;
}

/** Memory as a bare figure in GiB for a column whose head names the unit. */
export function gib(mib: number): string {
  return number(mib / 1024, 1);
}

/** `312 W`, from 10,000 W `41.2 kW`. */
export function watts(value: number): string {
  return value < 10_000 ? `${number(value)}${NBSP}W` : `${number(value / 1000, 1)}${NBSP}kW`;
}

export function celsius(value: number): string {
  return `${number(value)}${NBSP}°C`;
}

export function megahertz(value: number): string {
  return `${number(value)}${NBSP}MHz`;
}

/** Throughput given in MB/s: `512 MB/s`, from 1,000 `12.4 GB/s`. */
export function throughput(megabytes: number): string {
  return megabytes < 1000 ? `${number(megabytes)}${NBSP}MB/s` : `${number(megabytes / 1000, 1)}${NBSP}GB/s`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** `03:14:22`; from a day on `2d 03:14`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days}d ${two(hours)}:${two(minutes)}`;
  return `${two(hours)}:${two(minutes)}:${two(whole % 60)}`;
}

/** Where space is short: `42s`, `5m`, `3h12`, `2d3h`. */
export function shortDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h${two(Math.floor(whole / 60) % 60)}`;
  return `${Math.floor(whole / 86_400)}d${Math.floor(whole / 3600) % 24}h`;
}

const zones = new Map<string, Intl.DateTimeFormat>();

/** Swedish writes dates as ISO 8601 does, always with 24 hours. */
function isoFormat(zone: string): Intl.DateTimeFormat {
  let format = zones.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit',
      hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
    });
    zones.set(zone, format);
  }
  return format;
}

/** `2026-11-22 14:03:07`, without the zone's name. */
export function dateTime(ms: number, zone: string): string {
  return isoFormat(zone).format(ms);
}

/** `14:03:07`. */
export function clock(ms: number, zone: string): string {
  return dateTime(ms, zone).slice(11);
}

/** `14:03` of the day of `nowMs`, else `11-22 14:03`. */
export function shortTime(ms: number, nowMs: number, zone: string): string {
  const then = dateTime(ms, zone);
  return then.slice(0, 10) === dateTime(nowMs, zone).slice(0, 10) ? then.slice(11, 16) : then.slice(5, 16);
}

/** `11월 22일 (일) 14:03`, `Sun 22 Nov 14:03`. */
export function dayTime(ms: number, zone: string, language: Language): string {
  const part = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(language === 'ko' ? 'ko-KR' : 'en-GB', { timeZone: zone, ...options }).format(ms);
  const hours = dateTime(ms, zone).slice(11, 16);
  const weekday = part({ weekday: 'short' });
  const day = part({ month: language === 'ko' ? 'long' : 'short', day: 'numeric' });
  return language === 'ko' ? `${day} (${weekday}) ${hours}` : `${weekday} ${day} ${hours}`;
}

/** Short names that Intl does not give outside their own country. */
const ZONE_NAMES: Readonly<Record<string, string>> = {
  'Asia/Seoul': 'KST', 'Asia/Tokyo': 'JST', UTC: 'UTC', 'Etc/UTC': 'UTC',
};

/** `KST`, `UTC`, `GMT+5:30`. */
export function zoneName(zone: string, ms: number): string {
  const known = ZONE_NAMES[zone];
  if (known !== undefined) return known;
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'short' }).formatToParts(ms);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
}

/** ISO 8601 in UTC to the second, for exports. */
export function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
