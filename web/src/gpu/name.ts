/** How GPUs, instances and their holders are named: the same everywhere. */
import type { Fleet } from '../live/fleet';
import { href } from '../state/location';

/** `gpu-0003/5`. */
export function gpuName(fleet: Fleet, row: number): string {
  return `${fleet.word('gpu', 'node', row)}/${fleet.text('gpu', 'index', row)}`;
}

/** A model without the maker's name, which all of them share. */
export function modelName(model: string): string {
  return model.replace(/^NVIDIA /, '');
}

/** `3g.40gb gi1`, and the compute instance where it is not the only one (`gi1.ci2`). */
export function instanceName(fleet: Fleet, mig: number): string {
  const ci = fleet.number('mig', 'ci', mig);
  const own = ci === null || ci === 0 ? '' : `.ci${ci}`;
  return `${fleet.word('mig', 'profile', mig)} gi${fleet.text('mig', 'gi', mig)}${own}`.trim();
}

/** `3g gi1`, where space is short. */
export function shortInstanceName(fleet: Fleet, mig: number): string {
  return instanceName(fleet, mig).replace(/\.\S+/, '');
}

/** The GPU's page; of an instance, the GPU's page with that instance chosen. */
export function gpuHref(fleet: Fleet, row: number, mig: number | null = null): string {
  const own = mig === null ? '' : `${fleet.text('mig', 'gi', mig)}.${fleet.number('mig', 'ci', mig) ?? 0}`;
  return href(`/gpus/${encodeURIComponent(fleet.text('gpu', 'uuid', row))}`, { mig: own });
}

/** The namespace of a holder `namespace/pod`; `""` for a user, a service or nobody. */
export function namespaceOf(holder: string): string {
  const slash = holder.indexOf('/');
  return slash > 0 ? holder.slice(0, slash) : '';
}
