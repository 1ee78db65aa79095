//! Who is on a device: the driver's three lists, made one.

use model::Reading;
use model::observation::{ContextKind, DeviceProcess};

use super::answer::refused;
use super::metered::Metered;
use super::{Handle, Result, Return, RunningProcess};

/// How often a list that grew faster than it could be read is asked for again in one pass.
const TRIES: u32 = 3;

/// The compute instance whose processes are wanted: GPU instance and compute instance id.
pub(crate) type Instance = (u32, u32);

/// Reads lists, and remembers which of them this device does not have.
#[derive(Debug, Default)]
pub(crate) struct ProcessLists {
    graphics_refused: bool,
    mps_refused: bool,
    found: Vec<DeviceProcess>,
}

impl ProcessLists {
    /// Ask for refused lists again, as after a new layout.
    pub(crate) const fn ask_all_again(&mut self) {
        (self.graphics_refused, self.mps_refused) = (false, false);
    }

    /// Processes on a device, by PID. With `within`, only those of that compute instance.
    ///
    /// The compute list decides: without it nothing is known. The other two may not exist here,
    /// which leaves their processes out; that they fail today makes the whole answer a failure, as
    /// a process that is only there would seem to have ended.
    pub(crate) fn read(
        &mut self,
        driver: &Metered,
        device: Handle,
        within: Option<Instance>,
    ) -> Reading<Vec<DeviceProcess>> {
        self.found.clear();
        let compute = retried(|| driver.compute_processes(device));
        let graphics = optional(&mut self.graphics_refused, || driver.graphics_processes(device));
        let mps = optional(&mut self.mps_refused, || driver.mps_processes(device));
        for (list, kind) in [
            (compute, ContextKind::Compute),
            (graphics, ContextKind::Graphics),
            (mps, ContextKind::MpsClient),
        ] {
            match list {
                Ok(list) => self.add(&list, kind, within),
                Err(code) => return refused(code),
            }
        }
        Reading::Value(merged(&mut self.found))
    }

    /// Out of a list of the whole GPU those of one compute instance: only entries that say so.
    pub(crate) fn only_within(
        &mut self,
        list: &[RunningProcess],
        within: Instance,
    ) -> Vec<DeviceProcess> {
        self.found.clear();
        let placed = |process: &&RunningProcess| process.gpu_instance_id.is_some();
        let placed: Vec<_> = list.iter().filter(placed).copied().collect();
        self.add(&placed, ContextKind::Compute, Some(within));
        merged(&mut self.found)
    }

    fn add(&mut self, list: &[RunningProcess], kind: ContextKind, within: Option<Instance>) {
        let listed = list.iter().filter(|process| process.pid != 0 && lies_in(process, within));
        self.found.extend(listed.map(|process| DeviceProcess {
            pid: process.pid,
            kind,
            memory_bytes: process.used_gpu_memory,
        }));
    }
}

/// An entry without ids lies where it was asked for; with ids it says itself where it lies.
fn lies_in(process: &RunningProcess, within: Option<Instance>) -> bool {
    let Some((gpu_instance, compute_instance)) = within else { return true };
    process.gpu_instance_id.is_none_or(|id| id == gpu_instance)
        && process.compute_instance_id.is_none_or(|id| id == compute_instance)
}

fn retried<T>(mut list: impl FnMut() -> Result<T>) -> Result<T> {
    let mut answer = list();
    for _ in 1..TRIES {
        match answer {
            Err(Return::INSUFFICIENT_SIZE) => answer = list(),
            other => return other,
        }
    }
    answer
}

/// A list that this device or caller does not have is empty, and is not asked for again.
fn optional(
    refused: &mut bool,
    list: impl FnMut() -> Result<Vec<RunningProcess>>,
) -> Result<Vec<RunningProcess>> {
    if *refused {
        return Ok(Vec::new());
    }
    match retried(list) {
        Err(
            Return::NOT_SUPPORTED
            | Return::FUNCTION_NOT_FOUND
            | Return::INVALID_ARGUMENT
            | Return::NO_PERMISSION
            | Return::NOT_FOUND
            | Return::DEPRECATED
            | Return::ARGUMENT_VERSION_MISMATCH,
        ) => {
            *refused = true;
            Ok(Vec::new())
        }
        answer => answer,
    }
}

/// One entry per PID: kinds joined, the larger memory. Leaves `found` empty.
fn merged(found: &mut Vec<DeviceProcess>) -> Vec<DeviceProcess> {
    found.sort_by_key(|process| process.pid);
    let mut merged: Vec<DeviceProcess> = Vec::with_capacity(found.len());
    for process in found.drain(..) {
        match merged.last_mut() {
            Some(last) if last.pid == process.pid => {
                last.kind = last.kind.joined(process.kind);
                last.memory_bytes = last.memory_bytes.max(process.memory_bytes);
            }
            _ => merged.push(process),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, kind: ContextKind, memory_bytes: Option<u64>) -> DeviceProcess {
        DeviceProcess { pid, kind, memory_bytes }
    }

    #[test]
    fn a_process_in_two_lists_is_one_entry_with_the_larger_memory() {
        use ContextKind::{Compute, ComputeGraphics, Graphics, MpsClient};
        let mut found = vec![
            process(9, Compute, Some(10)),
            process(5, Compute, None),
            process(7, Compute, Some(1)),
            process(9, Graphics, Some(30)),
            process(3, Graphics, Some(2)),
            process(5, MpsClient, Some(8)),
        ];
        assert_eq!(
            merged(&mut found),
            [
                process(3, Graphics, Some(2)),
                process(5, MpsClient, Some(8)),
                process(7, Compute, Some(1)),
                process(9, ComputeGraphics, Some(30)),
            ]
        );
        assert!(found.is_empty());
    }

    #[test]
    fn an_entry_with_ids_belongs_to_its_instance_only() {
        let at = |gi, ci| RunningProcess {
            pid: 1,
            used_gpu_memory: None,
            gpu_instance_id: gi,
            compute_instance_id: ci,
        };
        assert!(lies_in(&at(Some(9), Some(0)), Some((9, 0))));
        assert!(!lies_in(&at(Some(9), Some(1)), Some((9, 0))));
        assert!(!lies_in(&at(Some(2), Some(0)), Some((9, 0))));
        assert!(lies_in(&at(None, None), Some((9, 0))));
    }
}
