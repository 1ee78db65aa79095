//! How a driver is got hold of, and why it may not be had.

use std::path::PathBuf;
use std::sync::Arc;

use crate::nvml::{Driver, Return};

/// How to get a driver: called again after it went away.
pub type OpenDriver = Box<dyn Fn() -> Result<Arc<dyn Driver>, OpenError> + Send>;

/// Why there is no driver. The message is the cause; [`OpenError::remedy`] is what to do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum OpenError {
    #[error("no NVIDIA driver library found (tried {})", .tried.join(", "))]
    NotFound { tried: Vec<String> },
    #[error("{} cannot be loaded: {why}", .path.display())]
    Load { path: PathBuf, why: String },
    #[error("{} is not NVML: it has no {missing}", .path.display())]
    NotNvml { path: PathBuf, missing: &'static str },
    #[error("{} is the simulated driver, not NVIDIA's", .path.display())]
    Simulated { path: PathBuf },
    #[error("the NVIDIA driver does not start: {0}")]
    Init(Return),
    #[error("{0}")]
    Other(String),
}

impl OpenError {
    /// What a person can do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => {
                "install the NVIDIA driver, or run the container with the NVIDIA runtime so that \
                 libnvidia-ml.so.1 is mounted"
            }
            Self::Load { .. } => {
                "check that the file is readable and built for this machine, or reinstall the \
                 NVIDIA driver"
            }
            Self::NotNvml { .. } => {
                "remove the file from the library path, or reinstall the NVIDIA driver"
            }
            Self::Simulated { .. } => "name it with --sim-library PATH if that is what you want",
            Self::Init(code) => init_remedy(*code),
            Self::Other(_) => "see the message",
        }
    }
}

const fn init_remedy(code: Return) -> &'static str {
    match code {
        Return::DRIVER_NOT_LOADED => {
            "load the kernel module (modprobe nvidia) and look at dmesg if that fails"
        }
        Return::LIB_RM_VERSION_MISMATCH => {
            "the driver was upgraded while loaded: reload the kernel modules or reboot"
        }
        Return::NO_PERMISSION => {
            "allow this user to read and write /dev/nvidiactl and /dev/nvidia*"
        }
        Return::LIBRARY_NOT_FOUND => "reinstall the NVIDIA driver: a library of its own is missing",
        Return::GPU_IS_LOST => "reset the GPU (nvidia-smi --gpu-reset) or reboot",
        _ => "run nvidia-smi: it should say the same, and dmesg why",
    }
}
