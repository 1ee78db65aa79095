//! Facts about a machine that are told instead of read: how one process watches many simulated ones
//! without a folder of files and a thread per GPU for each. The driver's side stays as it is.

use std::fmt;

use model::process::Lookup;
use session::Identity;

/// What stands in for the host's `/proc` and `/sys`.
pub struct Told {
    /// Id of the boot.
    pub boot_id: String,
    /// Name of the counting period, six characters; the same for the same simulated time.
    pub run: String,
    /// NVIDIA GPUs on the PCI bus.
    pub gpus: u32,
    /// Facts of a process, by PID.
    pub process: Box<dyn Fn(u32) -> Lookup + Send>,
    /// Whether the driver never blocks, so that it may be asked without threads.
    pub in_line: bool,
}

impl Told {
    pub(super) fn identity(&self, hostname: &str) -> Identity {
        Identity {
            boot_id: self.boot_id.clone(),
            hostname: hostname.to_owned(),
            run: self.run.clone(),
        }
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("boot_id", &self.boot_id).finish_non_exhaustive()
    }
}
