//! Programs in Go, built from the pinned modules of `tools/`.
//!
//! The binaries are kept under a key made of the module files, a main.go of ours and its flags, and
//! the Go version. Modules and compiled packages land in Go's own caches, as with any other build; no
//! toolchain is fetched.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Part, key};
use crate::workspace;

/// Prometheus and promtool.
pub(super) fn prometheus() -> Part {
    part(
        "prometheus",
        "Prometheus and promtool",
        "0.3 GB here, 4 GB in Go's caches, about 6 minutes on two cores",
    )
}

/// node_exporter.
pub(super) fn node_exporter() -> Part {
    part("node_exporter", "node_exporter", "15 MB here, about 40 s on two cores")
}

/// VictoriaMetrics, for the benchmark beside it: with its compressor in C, as it is released.
pub(super) fn victoria_metrics() -> Part {
    let recipe = Recipe { with_c: true, ..Recipe::of("victoriametrics") };
    recipe.part("VictoriaMetrics", "20 MB here, 0.5 GB in Go's caches, about 1 minute on two cores")
}

/// etcd, in which the API server keeps its objects.
pub(super) fn etcd() -> Part {
    // Go names a program after its package's folder, here that of the module's major version.
    let recipe = Recipe { names: &[("server", &["etcd"])], ..Recipe::of("etcd") };
    let part = recipe.part("etcd", "27 MB here, about 40 s on two cores");
    kubebuilder("etcd", part)
}

/// The Kubernetes API server, and kubectl in the same program.
pub(super) fn kubernetes() -> Part {
    let recipe = Recipe {
        names: &[("kube", &["kube-apiserver", "kubectl"])],
        what: ".",
        flags: KUBERNETES_VERSION,
        ..Recipe::of("kube")
    };
    let part = recipe.part(
        "kube-apiserver and kubectl",
        "0.1 GB here, 4 GB in Go's caches, about 5 minutes on two cores",
    );
    kubebuilder("kube-apiserver", part)
}

/// Without these the server calls itself v0.0.0, which charts refuse. As in `tools/kube/go.mod`.
const KUBERNETES_VERSION: &str = " -X k8s.io/component-base/version.gitVersion=v1.36.2 \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";

/// The folder with a program that is there already, as controller-runtime's tests have it: nothing
/// is built then.
fn kubebuilder(program: &str, part: Part) -> Part {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    in_place(assets, program, part)
}

fn in_place(folder: Option<PathBuf>, program: &str, part: Part) -> Part {
    match folder {
        // An absolute path joined to the tools folder is itself.
        Some(at) if at.is_absolute() && at.join(program).is_file() => {
            Part { folder: Ok(at.display().to_string()), ..part }
        }
        _ => part,
    }
}

fn part(name: &'static str, title: &'static str, cost: &'static str) -> Part {
    Recipe::of(name).part(title, cost)
}

/// How the programs of one folder of `tools/` are built.
#[derive(Debug, Clone, Copy)]
struct Recipe {
    /// The folder.
    name: &'static str,
    /// Whether parts in C are built.
    with_c: bool,
    /// What is built: the `tool` lines of the module file, or a main.go of ours.
    what: &'static str,
    /// More flags for the linker.
    flags: &'static str,
    /// Programs by the name that Go gives them, and what they are called instead.
    names: &'static [(&'static str, &'static [&'static str])],
}

impl Recipe {
    fn of(name: &'static str) -> Self {
        Self { name, with_c: false, what: "tool", flags: "", names: &[] }
    }

    fn part(self, title: &'static str, cost: &'static str) -> Part {
        Part {
            title,
            cost,
            big: true,
            folder: self.folder().map_err(|error| format!("{error:#}")),
            fill: Box::new(move |beside, _| self.build(beside)),
        }
    }

    fn source(self) -> PathBuf {
        workspace::root().join("tools").join(self.name)
    }

    fn folder(self) -> Result<String> {
        let read = |file| std::fs::read(self.source().join(file));
        let (module, sums, toolchain) = (read("go.mod")?, read("go.sum")?, toolchain()?);
        check_version(&String::from_utf8_lossy(&module), &toolchain)?;
        let mut how = toolchain.into_bytes();
        if self.what == "." {
            how.extend(self.flags.bytes().chain(read("main.go")?));
        }
        Ok(format!("{}-{}", self.name, key([&module, &sums, &how])))
    }

    fn build(self, beside: &Path) -> Result<()> {
        let mut command = go();
        command
            .current_dir(self.source())
            .env("CGO_ENABLED", if self.with_c { "1" } else { "0" })
            .env("GOFLAGS", "-mod=readonly -buildvcs=false")
            .args(["build", "-trimpath", "-ldflags", &format!("-s -w{}", self.flags), "-o"])
            .arg(format!("{}/", beside.display()))
            .arg(self.what);
        workspace::run(&mut command)?;
        self.names.iter().try_for_each(|(built, names)| call(beside, built, names))
    }
}

/// Call a program by these names instead: one file, however many they are.
fn call(folder: &Path, built: &str, names: &[&str]) -> Result<()> {
    let built = folder.join(built);
    for name in names {
        std::fs::hard_link(&built, folder.join(name))
            .with_context(|| format!("cannot call {} {name}", built.display()))?;
    }
    std::fs::remove_file(&built).with_context(|| format!("cannot rename {}", built.display()))
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

fn go() -> Command {
    let mut command = Command::new("go");
    command.env("GOTOOLCHAIN", "local").env_remove("GOFLAGS").env_remove("GOWORK");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_program_answers_to_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kube"), "program").unwrap();
        call(folder.path(), "kube", &["kube-apiserver", "kubectl"]).unwrap();
        assert_eq!(std::fs::read(folder.path().join("kubectl")).unwrap(), b"program");
        assert!(
            folder.path().join("kube-apiserver").exists() && !folder.path().join("kube").exists()
        );
    }

    #[test]
    fn a_program_that_is_there_already_is_not_built() {
        let folder = tempfile::tempdir().unwrap();
        let part = |at: &Path| in_place(Some(at.to_owned()), "etcd", etcd()).folder;
        let built = etcd().folder.ok();
        assert_eq!(part(folder.path()).ok(), built, "a folder without it");
        std::fs::write(folder.path().join("etcd"), "").unwrap();
        assert_eq!(part(folder.path()).unwrap(), folder.path().display().to_string());
        assert_eq!(part(Path::new("relative")).ok(), built);
    }

    #[test]
    fn the_version_that_is_said_is_the_one_that_is_built() {
        let module = std::fs::read_to_string(Recipe::of("kube").source().join("go.mod")).unwrap();
        let required = module.split_whitespace().skip_while(|word| *word != "k8s.io/kubernetes");
        let version = required.into_iter().nth(1).unwrap();
        assert!(KUBERNETES_VERSION.contains(&format!("gitVersion={version} ")), "{version}");
    }

    #[test]
    fn an_older_go_is_refused_with_both_versions() {
        let module = "module x\n\ngo 1.26.7\n";
        check_version(module, "go1.26.8 linux amd64").unwrap();
        check_version(module, "go1.27 linux amd64").unwrap();
        let error = check_version(module, "go1.22.2 linux amd64").unwrap_err();
        assert_eq!(error.to_string(), "needs Go 1.26.7 or newer, this is 1.22.2");
    }
}
