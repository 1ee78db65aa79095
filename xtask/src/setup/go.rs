//! Programs in Go, built from the pinned modules of `tools/`.
//!
//! The binaries are kept under a key made of the module files and the Go version. Modules and
//! compiled packages land in Go's own caches, as with any other build; no toolchain is fetched.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::{Part, key};
use crate::workspace;

/// Prometheus and promtool.
pub(super) fn prometheus() -> Part {
    part(
        "prometheus",
        "Prometheus and promtool",
        "0.3 GB here, 4 GB in Go's caches, about 6 minutes on two cores",
        true,
    )
}

/// node_exporter.
pub(super) fn node_exporter() -> Part {
    part("node_exporter", "node_exporter", "15 MB here, about 40 s on two cores", true)
}

/// VictoriaMetrics, for the benchmark beside it: with its compressor in C, as it is released.
pub(super) fn victoria_metrics() -> Part {
    Part {
        fill: Box::new(move |beside, _| build("victoriametrics", beside, true)),
        ..part(
            "victoriametrics",
            "VictoriaMetrics",
            "20 MB here, 0.5 GB in Go's caches, about 1 minute on two cores",
            true,
        )
    }
}

fn part(name: &'static str, title: &'static str, cost: &'static str, big: bool) -> Part {
    Part {
        title,
        cost,
        big,
        folder: folder(name).map_err(|error| format!("{error:#}")),
        fill: Box::new(move |beside, _| build(name, beside, false)),
    }
}

fn folder(name: &str) -> Result<String> {
    let tool = workspace::root().join("tools").join(name);
    let (module, sums) = (std::fs::read(tool.join("go.mod"))?, std::fs::read(tool.join("go.sum"))?);
    let toolchain = toolchain()?;
    check_version(&String::from_utf8_lossy(&module), &toolchain)?;
    Ok(format!("{name}-{}", key([&module, &sums, toolchain.as_bytes()])))
}

/// `go1.26.8 linux amd64`.
fn toolchain() -> Result<String> {
    if workspace::on_path("go").is_none() {
        bail!("no Go on PATH");
    }
    let said = workspace::output(go().args(["env", "GOVERSION", "GOOS", "GOARCH"]))?;
    Ok(said.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A module says the least Go version; with the local toolchain alone, an older one cannot build it.
fn check_version(module: &str, toolchain: &str) -> Result<()> {
    let wanted = module.lines().find_map(|line| line.strip_prefix("go ")).unwrap_or("1");
    let have = toolchain.split(' ').next().unwrap_or_default().trim_start_matches("go");
    if numbers(have) < numbers(wanted) {
        bail!("needs Go {wanted} or newer, this is {have}");
    }
    Ok(())
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.trim().parse().ok()).collect()
}

fn build(name: &str, beside: &Path, with_c: bool) -> Result<()> {
    let mut command = go();
    command
        .current_dir(workspace::root().join("tools").join(name))
        .env("CGO_ENABLED", if with_c { "1" } else { "0" })
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
        .arg(format!("{}/", beside.display()))
        .arg("tool");
    workspace::run(&mut command)
}

fn go() -> Command {
    let mut command = Command::new("go");
    command.env("GOTOOLCHAIN", "local").env_remove("GOFLAGS").env_remove("GOWORK");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_go_is_refused_with_both_versions() {
        let module = "module x\n\ngo 1.26.7\n";
        check_version(module, "go1.26.8 linux amd64").unwrap();
        check_version(module, "go1.27 linux amd64").unwrap();
        let error = check_version(module, "go1.22.2 linux amd64").unwrap_err();
        assert_eq!(error.to_string(), "needs Go 1.26.7 or newer, this is 1.22.2");
    }
}
