//! Loading `libnvidia-ml.so.1`: where it is looked for, and what is refused.
//!
//! Types and symbol names come from `nvml-wrapper-sys`; every symbol is optional. A file that is not
//! NVML is refused before it can be taken for a driver, and so is the simulated driver unless its
//! path was given on purpose. This file and `library/` hold the only unsafe code of the crate.
#![expect(unsafe_code, reason = "the one place that loads and calls C code")]

mod answers;
mod calls;
mod layout;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nvml_wrapper_sys::bindings::NvmlLib;

use super::Driver;
use crate::{OpenDriver, OpenError};

/// The name by which the dynamic linker knows NVML.
const SONAME: &str = "libnvidia-ml.so.1";

/// Where drivers put it when the linker does not know it: Debian and Red Hat layouts, WSL, the
/// driver container of the GPU operator, GKE, and the mounts of the old NVIDIA runtime.
const KNOWN_PLACES: &[&str] = &[
    #[cfg(target_arch = "x86_64")]
    "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
    #[cfg(target_arch = "aarch64")]
    "/usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1",
    "/usr/lib64/libnvidia-ml.so.1",
    "/usr/lib/libnvidia-ml.so.1",
    "/usr/lib/wsl/lib/libnvidia-ml.so.1",
    "/run/opengl-driver/lib/libnvidia-ml.so.1",
    #[cfg(target_arch = "x86_64")]
    "/run/nvidia/driver/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
    "/run/nvidia/driver/usr/lib64/libnvidia-ml.so.1",
    "/home/kubernetes/bin/nvidia/lib64/libnvidia-ml.so.1",
    "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
];

/// The symbol by which the simulated driver is known.
const SIMULATED_MARKER: &[u8] = b"gpulse_simulated_nvml\0";

/// What every NVML has had since 2011: without one of them it is something else.
const REQUIRED: &[(&str, &[u8])] = &[
    ("nvmlShutdown", b"nvmlShutdown\0"),
    ("nvmlDeviceGetCount_v2", b"nvmlDeviceGetCount_v2\0"),
    ("nvmlDeviceGetHandleByIndex_v2", b"nvmlDeviceGetHandleByIndex_v2\0"),
    ("nvmlDeviceGetUUID", b"nvmlDeviceGetUUID\0"),
];

/// NVIDIA's library (or, on request, the simulated one), loaded and not yet initialised.
pub struct Library {
    nvml: NvmlLib,
    path: PathBuf,
    simulated: bool,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Library {
    /// Load that one file. The simulated driver is refused unless it is asked for.
    ///
    /// # Errors
    /// The file cannot be loaded, is not NVML, or is the simulated driver.
    pub fn load(path: &Path, allow_simulated: bool) -> Result<Self, OpenError> {
        let file = open(path)?;
        let simulated = has(&file, SIMULATED_MARKER);
        if let Some((missing, _)) = REQUIRED.iter().find(|(_, symbol)| !has(&file, symbol)) {
            return Err(OpenError::NotNvml { path: path.to_owned(), missing });
        }
        if simulated && !allow_simulated {
            return Err(OpenError::Simulated { path: path.to_owned() });
        }
        // SAFETY: the symbols looked up belong to NVML's C ABI, whose presence was just checked.
        let nvml = unsafe { NvmlLib::from_library(file) }.map_err(|why| failed(path, &why))?;
        Ok(Self { nvml, path: path.to_owned(), simulated })
    }

    /// Find and load NVIDIA's library: by name, then where drivers are known to put it.
    ///
    /// # Errors
    /// What was tried, or what is wrong with the first file that was there.
    pub fn find() -> Result<Self, OpenError> {
        let candidates = std::iter::once(SONAME).chain(KNOWN_PLACES.iter().copied());
        first_of(candidates, |path| Self::load(path, false))
    }

    /// The file it came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens NVIDIA's driver, or the simulated library of that path.
#[must_use]
pub fn opener(sim_library: Option<PathBuf>) -> OpenDriver {
    Box::new(move || {
        let library = match &sim_library {
            Some(path) => Library::load(path, true)?,
            None => Library::find()?,
        };
        Ok(Arc::new(library) as Arc<dyn Driver>)
    })
}

/// The first candidate that loads; else the first that was there and wrong, else all names.
fn first_of<'a, T>(
    candidates: impl Iterator<Item = &'a str>,
    load: impl Fn(&Path) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let mut tried = Vec::new();
    let mut wrong = None;
    for candidate in candidates {
        match load(Path::new(candidate)) {
            Ok(found) => return Ok(found),
            Err(OpenError::NotFound { .. }) => {}
            Err(other) => wrong = wrong.or(Some(other)),
        }
        tried.push(candidate.to_owned());
    }
    Err(wrong.unwrap_or(OpenError::NotFound { tried }))
}

fn open(path: &Path) -> Result<libloading::Library, OpenError> {
    // SAFETY: loading runs the file's initialisers; NVML's have no requirements, and any other file
    // is one that the administrator put under NVML's name or named on the command line.
    unsafe { libloading::Library::new(path) }.map_err(|why| failed(path, &why))
}

/// A name without folder is looked for by the linker, which only says in words that it found none.
fn failed(path: &Path, why: &libloading::Error) -> OpenError {
    let why = why.to_string();
    let absent = match path.components().count() {
        1 => why.contains("No such file"),
        _ => !path.exists(),
    };
    match absent {
        true => OpenError::NotFound { tried: vec![path.display().to_string()] },
        false => OpenError::Load { path: path.to_owned(), why },
    }
}

fn has(file: &libloading::Library, symbol: &[u8]) -> bool {
    // SAFETY: the symbol is only looked up, never used as what the type says.
    unsafe { file.get::<unsafe extern "C" fn()>(symbol) }.is_ok()
}

#[cfg(test)]
mod tests;
