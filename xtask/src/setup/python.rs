//! Programs in Python: an environment of its own from `tests/python/requirements.txt`, which pins
//! each package with its hashes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Part, key};
use crate::workspace;

const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// nvitop, nvitop-exporter, gpustat, and a client of the query API.
pub(super) fn peers() -> Part {
    Part {
        title: "nvitop, nvitop-exporter, gpustat and prometheus-api-client",
        cost: "40 MB, about 20 s",
        big: false,
        folder: folder().map_err(|error| format!("{error:#}")),
        fill: Box::new(build),
    }
}

fn folder() -> Result<String> {
    let pinned = std::fs::read(workspace::root().join(REQUIREMENTS))
        .with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    if workspace::on_path("python3").is_none() {
        bail!("no python3 on PATH");
    }
    let version = workspace::output(Command::new("python3").args(["-VV"]))?;
    workspace::output(Command::new("python3").args(["-c", "import ensurepip, venv"]))
        .map_err(|_| anyhow::anyhow!("python3 lacks venv: `apt install python3-venv`"))?;
    Ok(format!("python-{}", key([&pinned, version.as_bytes()])))
}

fn build(beside: &Path, at: &Path) -> Result<()> {
    workspace::run(Command::new("python3").args(["-m", "venv"]).arg(beside))?;
    let mut pip = Command::new(beside.join("bin/python"));
    pip.args(["-m", "pip", "--disable-pip-version-check", "--quiet", "install"])
        .args(["--require-hashes", "--no-deps", "--requirement"])
        .arg(workspace::root().join(REQUIREMENTS));
    workspace::run(&mut pip)?;
    moved(beside, at)
}

/// Scripts of an environment name its folder: write the one it is about to have.
fn moved(beside: &Path, at: &Path) -> Result<()> {
    for entry in std::fs::read_dir(beside.join("bin"))? {
        let path = entry?.path();
        if path.is_symlink() {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let (from, to) = (beside.display().to_string(), at.display().to_string());
        std::fs::write(&path, text.replace(&from, &to))?;
    }
    Ok(())
}
