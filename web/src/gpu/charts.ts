/** What the charts of a GPU's page show: metric, name, unit and how it is brought to that unit. */
import { celsius, gibibytes, megahertz, percent, throughput, watts } from '../format/format';
import type { Word } from '../words/words';

export interface ChartLine {
  metric: string;
  name: Word;
  /** Brings the metric to the chart's unit. */
  times: number;
  /** What it is computed from, whose absence is its reason. */
  from?: string;
}

/** A bound drawn as a dashed line, from the live snapshot's column. */
export interface ChartBound {
  column: 'power_limit' | 'temp_slowdown' | 'mem_total_mib';
  name: Word;
  times: number;
}

export interface ChartRow {
  id: string;
  title: Word;
  lines: readonly ChartLine[];
  bound?: ChartBound;
  format: (value: number) => string;
  max?: number;
  /** Only for GPUs with instances, or only for those without. */
  mig?: boolean;
}

/** DCGM_FI_PROF_* are ratios, FB_* are MiB; the PROF_PCIE metrics are bytes a second already. */
export const CHARTS: readonly ChartRow[] = [
  {
    id: 'util', title: 'chartUtil', mig: false, max: 100, format: percent,
    lines: [{ metric: 'DCGM_FI_DEV_GPU_UTIL', name: 'lineUtil', times: 1 }],
  },
  {
    id: 'util-weighted', title: 'chartUtilWeighted', mig: true, max: 100, format: percent,
    lines: [{ metric: 'DCGM_FI_DEV_WEIGHTED_GPU_UTIL', name: 'lineUtil', times: 100, from: 'DCGM_FI_PROF_GR_ENGINE_ACTIVE' }],
  },
  {
    id: 'prof', title: 'chartProf', max: 100, format: percent,
    lines: [
      { metric: 'DCGM_FI_PROF_SM_ACTIVE', name: 'lineSm', times: 100 },
      { metric: 'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE', name: 'lineTensor', times: 100 },
      { metric: 'DCGM_FI_PROF_DRAM_ACTIVE', name: 'lineDram', times: 100 },
    ],
  },
  {
    id: 'memory', title: 'chartMemory', format: gibibytes,
    bound: { column: 'mem_total_mib', name: 'lineTotal', times: 1 / 1024 },
    lines: [{ metric: 'DCGM_FI_DEV_FB_USED', name: 'lineUsed', times: 1 / 1024 }],
  },
  {
    id: 'power', title: 'chartPower', format: watts, bound: { column: 'power_limit', name: 'lineLimit', times: 1 },
    lines: [{ metric: 'DCGM_FI_DEV_POWER_USAGE', name: 'linePower', times: 1 }],
  },
  {
    id: 'temp', title: 'chartTemp', format: celsius, bound: { column: 'temp_slowdown', name: 'lineSlowdown', times: 1 },
    lines: [
      { metric: 'DCGM_FI_DEV_GPU_TEMP', name: 'lineTemp', times: 1 },
      { metric: 'DCGM_FI_DEV_MEMORY_TEMP', name: 'lineMemTemp', times: 1 },
    ],
  },
  {
    id: 'clocks', title: 'chartClocks', format: megahertz,
    lines: [
      { metric: 'DCGM_FI_DEV_SM_CLOCK', name: 'lineSmClock', times: 1 },
      { metric: 'DCGM_FI_DEV_MEM_CLOCK', name: 'lineMemClock', times: 1 },
    ],
  },
  {
    id: 'pcie', title: 'chartPcie', format: throughput,
    lines: [
      { metric: 'DCGM_FI_PROF_PCIE_TX_BYTES', name: 'lineTx', times: 1e-6 },
      { metric: 'DCGM_FI_PROF_PCIE_RX_BYTES', name: 'lineRx', times: 1e-6 },
    ],
  },
  {
    id: 'nvlink', title: 'chartNvlink', format: throughput,
    lines: [{ metric: 'DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL', name: 'lineNvlink', times: 1 }],
  },
];

/** Every field whose absence the page explains. */
export const FIELDS: readonly string[] = CHARTS.flatMap((chart) => chart.lines.map((line) => line.from ?? line.metric));

/** Every metric of the page, for one query instead of one per chart. */
export const METRICS: readonly string[] = CHARTS.flatMap((chart) => chart.lines.map((line) => line.metric));
