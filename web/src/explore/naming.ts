/**
 * How series are named where many are shown: labels that all share are said once, a GPU is
 * `node/GPU[/gi]`, and of the rest only what tells series apart. Pure.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Named {
  /** Labels that every series has, with the same value; the metric's name included. */
  common: [string, string][];
  /** A name for each series, in their order. */
  names: string[];
}

/** Labels that say which GPU it is, or follow from it. */
const OF_A_GPU = [
  'Hostname', 'node', 'gpu', 'UUID', 'pci_bus_id', 'device', 'modelName', 'instance', 'GPU_I_ID', 'GPU_I_PROFILE',
];
/** Labels whose values say nothing alone. */
const NUMBERS: ReadonlySet<string> = new Set(['gpu', 'UUID', 'GPU_I_ID', 'pci_bus_id', 'device']);
const FOLLOWS_FROM_A_GPU = /^DCGM_FI_/;

export function nameSeries(all: readonly Labels[]): Named {
  const common = commonOf(all);
  const shared = new Set(common.map(([name]) => name));
  const only = onlyDifference(all, shared);
  if (only !== null) return { common, names: all.map((labels) => labels[only] ?? '') };
  const short = all.map((labels) => nameOf(labels, shared, true));
  const seen = new Map<string, number>();
  for (const name of short) seen.set(name, (seen.get(name) ?? 0) + 1);
  const names = short.map((name, index) =>
    seen.get(name) === 1 ? name : nameOf(all[index] ?? {}, shared, false),
  );
  return { common, names };
}

/** None where there is one series: then its labels are its name. */
function commonOf(all: readonly Labels[]): [string, string][] {
  const [first, ...rest] = all;
  if (first === undefined || rest.length === 0) return [];
  return Object.entries(first).filter(([name, value]) => rest.every((labels) => labels[name] === value));
}

/** The one label that tells all series apart, if it alone does: its value is name enough. */
function onlyDifference(all: readonly Labels[], shared: ReadonlySet<string>): string | null {
  if (all.length < 2) return null;
  const differing = new Set(all.flatMap((labels) => Object.keys(labels).filter((name) => !shared.has(name))));
  const [only] = differing;
  // A bare number would be nobody's name.
  if (only === undefined || differing.size !== 1 || NUMBERS.has(only)) return null;
  return all.every((labels) => (labels[only] ?? '') !== '') ? only : null;
}

function nameOf(labels: Labels, shared: ReadonlySet<string>, short: boolean): string {
  const gpu = short ? gpuOf(labels) : null;
  const said = (name: string): boolean =>
    shared.has(name) || name === '__name__' || (gpu !== null && (OF_A_GPU.includes(name) || FOLLOWS_FROM_A_GPU.test(name)));
  const rest = Object.entries(labels).filter(([name]) => !said(name));
  const inner = rest.map(([name, value]) => `${name}="${value}"`).join(', ');
  const metric = shared.has('__name__') ? '' : (labels['__name__'] ?? '');
  const head = [metric, gpu ?? ''].filter((part) => part !== '').join(' ');
  if (inner === '') return head === '' ? '{}' : head;
  return head === '' || gpu === null ? `${head}{${inner}}` : `${head} {${inner}}`;
}

/** `node/GPU`, with the instance of a divided one; null where the labels name no GPU of a node. */
function gpuOf(labels: Labels): string | null {
  const node = labels['Hostname'] ?? labels['node'] ?? labels['instance'];
  const gpu = labels['gpu'];
  if (node === undefined || gpu === undefined) return null;
  const instance = labels['GPU_I_ID'];
  return `${node}/${gpu}${instance === undefined || instance === '' ? '' : `/gi${instance}`}`;
}

/** Labels as PromQL writes them: `up{job="a"}`. */
export function written(labels: Labels): string {
  const inner = Object.entries(labels).filter(([name]) => name !== '__name__');
  const metric = labels['__name__'] ?? '';
  if (inner.length === 0) return metric === '' ? '{}' : metric;
  return `${metric}{${inner.map(([name, value]) => `${name}="${value}"`).join(', ')}}`;
}
