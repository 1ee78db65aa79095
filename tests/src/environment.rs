//! Where the programs under test are: the variables that `cargo xtask test` sets.
//!
//! Nothing is searched for on PATH: a test runs the pinned program or says that it was skipped.

use std::path::{Path, PathBuf};

/// The built `gpulse`.
pub const GPULSE: &str = "GPULSE_TEST_BIN";
/// The built simulated library, `libsim_nvml.so`.
pub const SIM_NVML: &str = "GPULSE_TEST_NVML";
/// The Python that has nvitop, nvitop-exporter, gpustat and prometheus-api-client.
pub const PYTHON: &str = "GPULSE_TEST_PYTHON";
/// Prometheus.
pub const PROMETHEUS: &str = "GPULSE_TEST_PROMETHEUS";
/// promtool.
pub const PROMTOOL: &str = "GPULSE_TEST_PROMTOOL";
/// node_exporter.
pub const NODE_EXPORTER: &str = "GPULSE_TEST_NODE_EXPORTER";
/// The Kubernetes API server.
pub const KUBE_APISERVER: &str = "GPULSE_TEST_KUBE_APISERVER";
/// etcd.
pub const ETCD: &str = "GPULSE_TEST_ETCD";

/// The program a variable names.
///
/// # Errors
/// The reason why the test cannot run here.
pub fn program(variable: &str) -> Result<PathBuf, String> {
    let Some(path) = std::env::var_os(variable).filter(|value| !value.is_empty()) else {
        return Err(format!("{variable} is not set: run `cargo xtask test`"));
    };
    let path = PathBuf::from(path);
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{variable} names {}, which is absent", path.display()))
    }
}

/// A program that the set-up does not bring, where the machine has it.
///
/// # Errors
/// The reason to skip.
pub fn on_path(name: &str) -> Result<PathBuf, String> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("{name} is not on PATH"))
}

/// The folder of this package's test data.
#[must_use]
pub fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// The repository's root folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/")).to_path_buf()
}
