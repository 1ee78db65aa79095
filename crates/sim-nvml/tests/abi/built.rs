//! Where the libraries under test are: beside the test's own executable.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The library with the names of driver 590.48.01. Cargo puts what a test depends on beside it.
pub(crate) fn library_590() -> PathBuf {
    present(profile_folder().join("deps/libsim_nvml.so"))
}

/// The library with the names of driver 610.57.04, an example of this package. A test run that
/// names tests leaves examples out, so it is built here; mostly there is nothing to do.
pub(crate) fn library_610() -> PathBuf {
    let folder = profile_folder();
    #[expect(clippy::disallowed_methods, reason = "cargo, to build what cargo test left out")]
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "sim-nvml", "--example", "sim_nvml_610"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).arg("--target-dir");
    cargo.arg(folder.parent().unwrap());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().unwrap();
    assert!(status.success(), "{cargo:?} ended with {status}");
    present(folder.join("examples/libsim_nvml_610.so"))
}

/// `target/debug` or `target/release`: two above the executable.
fn profile_folder() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    executable.ancestors().nth(2).map(Path::to_path_buf).unwrap()
}

fn present(library: PathBuf) -> PathBuf {
    assert!(library.is_file(), "{} is absent", library.display());
    library
}
