import { expect, test } from 'vitest';
import * as f from './format';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const AT = Date.parse('2026-11-22T05:03:07Z');

test('memory is binary and changes its unit at 1 GiB and 10 TiB', () => {
  expect(plain(f.memory(512))).toBe('512 MiB');
  expect(plain(f.memory(62_771))).toBe('61.3 GiB');
  expect(plain(f.memoryOf(62_771, 81_559))).toBe('61.3 / 79.6 GiB');
  expect(plain(f.memoryOf(0, 81_559))).toBe('0.0 / 79.6 GiB');
  expect(plain(f.memory(80_000_000))).toBe('76.3 TiB');
});

test('power, heat, clocks and throughput carry their units', () => {
  expect(plain(f.watts(9999))).toBe('9,999 W');
  expect(plain(f.watts(412_000))).toBe('412.0 kW');
  expect(plain(f.celsius(61.4))).toBe('61 °C');
  expect(plain(f.megahertz(1410))).toBe('1,410 MHz');
  expect(plain(f.throughput(12_400))).toBe('12.4 GB/s');
});

test('nothing is ever minus zero', () => {
  expect(f.number(-0.04, 1)).toBe('0.0');
  expect(f.number(-1e-9)).toBe('0');
});

test('a funnel figure shows a fraction only where there is one', () => {
  expect(f.count(871)).toBe('871');
  expect(f.count(87.96)).toBe('88');
  expect(f.count(871.2)).toBe('871');
  expect(f.count(51.5)).toBe('51.5');
  expect(f.count(516.5)).toBe('517');
});

test('durations change their form at a day', () => {
  expect(f.duration(250)).toBe('00:04:10');
  expect(f.duration(11_662)).toBe('03:14:22');
  expect(f.duration(184_440)).toBe('2d 03:14');
  expect(f.shortDuration(42)).toBe('42s');
  expect(f.shortDuration(11_520)).toBe('3h12');
  expect(f.shortDuration(187_200)).toBe('2d4h');
});

test('times are 24 hours in the zone asked for', () => {
  expect(f.dateTime(AT, 'Asia/Seoul')).toBe('2026-11-22 14:03:07');
  expect(f.clock(AT, 'UTC')).toBe('05:03:07');
  expect(f.clock(Date.parse('2026-11-22T15:00:00Z'), 'Asia/Seoul')).toBe('00:00:00');
  expect(f.dayTime(AT, 'Asia/Seoul', 'ko')).toBe('11월 22일 (일) 14:03');
  expect(f.dayTime(AT, 'Asia/Seoul', 'en')).toBe('Sun 22 Nov 14:03');
  expect(f.shortTime(AT, AT + 60_000, 'UTC')).toBe('05:03');
  expect(f.shortTime(AT, AT + 86_400_000, 'UTC')).toBe('11-22 05:03');
});

test('zones have short names', () => {
  expect(f.zoneName('Asia/Seoul', AT)).toBe('KST');
  expect(f.zoneName('UTC', AT)).toBe('UTC');
  expect(f.zoneName('Asia/Kolkata', AT)).toBe('GMT+5:30');
  expect(f.iso(AT)).toBe('2026-11-22T05:03:07Z');
});
