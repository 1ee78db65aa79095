//! Where the libraries under test are: beside the test's own executable, built with it.

use std::path::{Path, PathBuf};

/// The library with the names of driver 590.48.01. Cargo puts what a test depends on beside it.
pub(crate) fn library_590() -> PathBuf {
    built("deps/libsim_nvml.so")
}

/// The library with the names of driver 610.57.04, an example of this package.
pub(crate) fn library_610() -> PathBuf {
    built("examples/libsim_nvml_610.so")
}

fn built(path: &str) -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let profile = executable.ancestors().nth(2).map(Path::to_path_buf).unwrap();
    let library = profile.join(path);
    assert!(
        library.is_file(),
        "{} is absent: build it with `cargo build -p sim-nvml --lib --examples`",
        library.display()
    );
    library
}
