//! What the tests need beside Rust: programs that others wrote, pinned, in the user's cache folder.
//!
//! Said before it is done, with its size; done without root, under one lock, in a folder beside the
//! final one that is renamed when it is complete. A second clone or a second run finds it. What a
//! machine cannot have is a reason, not an error: the tests that need it are skipped.

mod chromium;
mod go;
mod node;
mod python;

use std::fs::File;
use std::path::{Path, PathBuf};

use ::tests::environment;
use anyhow::{Context, Result};

pub(crate) use chromium::Chromium;
pub(crate) use node::Node;

use crate::workspace;

/// One thing to set up.
struct Part {
    /// What it is, for people.
    title: &'static str,
    /// Disk and time it takes on two cores.
    cost: &'static str,
    /// Whether `--quick` leaves it out.
    big: bool,
    /// What stands for its content: folder name with the key, or why it cannot be had here.
    folder: Result<String, String>,
    /// Fill an empty folder. The second path is where it will be renamed to.
    fill: Fill,
}

type Fill = Box<dyn Fn(&Path, &Path) -> Result<()>>;

/// A folder that is ready, or the reason why there is none.
pub(crate) type Ready = Result<PathBuf, String>;

/// What came of the set-up.
#[derive(Debug)]
pub(crate) struct Tools {
    /// The environment of `tests/python/requirements.txt`: its interpreter.
    pub python: Ready,
    /// Prometheus.
    pub prometheus: Ready,
    /// promtool.
    pub promtool: Ready,
    /// node_exporter.
    pub node_exporter: Ready,
    /// The Kubernetes API server.
    pub kube_apiserver: Ready,
    /// etcd.
    pub etcd: Ready,
}

impl Tools {
    /// Each program with the variable by which tests are told of it.
    pub(crate) fn by_variable(&self) -> [(&'static str, &Ready); 6] {
        [
            (environment::PYTHON, &self.python),
            (environment::PROMETHEUS, &self.prometheus),
            (environment::PROMTOOL, &self.promtool),
            (environment::NODE_EXPORTER, &self.node_exporter),
            (environment::KUBE_APISERVER, &self.kube_apiserver),
            (environment::ETCD, &self.etcd),
        ]
    }
}

/// Say what will be set up, and set it up.
pub(crate) fn all(quick: bool) -> Result<Tools> {
    let folder = workspace::cache()?.join("tools");
    let parts =
        [python::peers(), go::prometheus(), go::node_exporter(), go::kubernetes(), go::etcd()];
    announce(&folder, &parts, quick);
    let [python, prometheus, node_exporter, kubernetes, etcd] =
        parts.map(|part| provide(&folder, &part, quick));
    Ok(Tools {
        python: python.map(|at| at.join("bin/python")),
        promtool: prometheus.clone().map(|at| at.join("promtool")),
        prometheus: prometheus.map(|at| at.join("prometheus")),
        node_exporter: node_exporter.map(|at| at.join("node_exporter")),
        kube_apiserver: kubernetes.map(|at| at.join("kube-apiserver")),
        etcd: etcd.map(|at| at.join("etcd")),
    })
}

/// Only the programs in Python, for the benchmark beside them.
pub(crate) fn python() -> Result<Ready> {
    let folder = workspace::cache()?.join("tools");
    let parts = [python::peers()];
    announce(&folder, &parts, false);
    let [python] = parts.map(|part| provide(&folder, &part, false));
    Ok(python.map(|at| at.join("bin/python")))
}

/// Other stores of samples, for the benchmark beside them: Prometheus and VictoriaMetrics.
pub(crate) fn stores() -> Result<[Ready; 2]> {
    let folder = workspace::cache()?.join("tools");
    let parts = [go::prometheus(), go::victoria_metrics()];
    announce(&folder, &parts, false);
    let [prometheus, victoria] = parts.map(|part| provide(&folder, &part, false));
    Ok([prometheus.map(|at| at.join("prometheus")), victoria.map(|at| at.join("victoria-metrics"))])
}

/// Node and npm, to build the web pages: this machine's, else pinned ones.
pub(crate) fn node() -> Result<Result<Node, String>> {
    if let Some(node) = node::installed() {
        return Ok(Ok(node));
    }
    Ok(only(&node::pinned(), false)?.map(|at| node::of(&at)))
}

/// A Chromium, for the browser checks: this machine's, else an unpacked one.
pub(crate) fn chromium(quick: bool) -> Result<Result<Chromium, String>> {
    if let Some(chromium) = chromium::installed() {
        return Ok(Ok(chromium));
    }
    Ok(only(&chromium::unpacked(), quick)?.map(|at| chromium::of(&at)))
}

fn only(part: &Part, quick: bool) -> Result<Ready> {
    let folder = workspace::cache()?.join("tools");
    announce(&folder, std::slice::from_ref(part), quick);
    Ok(provide(&folder, part, quick))
}

fn announce(folder: &Path, parts: &[Part], quick: bool) {
    println!("set-up in {} (kept; delete it whenever you like):", folder.display());
    for part in parts {
        let state = match &part.folder {
            Err(reason) => format!("not possible here: {reason}"),
            Ok(name) if folder.join(name).is_dir() => "there already".to_owned(),
            Ok(_) if quick && part.big => "left out by --quick".to_owned(),
            Ok(_) => part.cost.to_owned(),
        };
        println!("  {}: {state}", part.title);
    }
}

fn provide(folder: &Path, part: &Part, quick: bool) -> Ready {
    let name = part.folder.as_ref().map_err(Clone::clone)?;
    let at = folder.join(name);
    if at.is_dir() {
        return Ok(at);
    }
    if quick && part.big {
        return Err(format!("--quick leaves out {}", part.title));
    }
    println!("setting up {} …", part.title);
    complete(folder, name, &part.fill).map_err(|error| format!("{}: {error:#}", part.title))?;
    Ok(at)
}

/// Fill a folder beside the final one and rename it, with every other run waiting.
fn complete(folder: &Path, name: &str, fill: &Fill) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let lock = File::create(folder.join(".lock")).context("cannot make the lock file")?;
    lock.lock().context("cannot lock the tools folder")?;
    let at = folder.join(name);
    if at.is_dir() {
        return Ok(()); // Another run was faster.
    }
    let beside = folder.join(format!("{name}.part"));
    if beside.exists() {
        std::fs::remove_dir_all(&beside).context("cannot remove an unfinished set-up")?;
    }
    std::fs::create_dir_all(&beside)?;
    fill(&beside, &at)?;
    std::fs::rename(&beside, &at).context("cannot put the finished set-up in its place")
}

/// A short name for some contents: FNV-1a, 64 bits. A cache key, not a proof of origin: that is the
/// business of the hashes in the lock files themselves.
pub(crate) fn key<const N: usize>(contents: [&[u8]; N]) -> String {
    let bytes = contents.iter().flat_map(|content| content.iter().chain(&[0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn fill(text: &'static str) -> Fill {
        Box::new(move |beside, _| Ok(std::fs::write(beside.join("file"), text)?))
    }

    #[test]
    fn a_set_up_is_done_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        complete(folder.path(), "tool-1", &fill("first")).unwrap();
        complete(folder.path(), "tool-1", &fill("second")).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("tool-1/file")).unwrap(), "first");
    }

    #[test]
    fn a_failed_set_up_leaves_no_folder_that_looks_ready() {
        let folder = tempfile::tempdir().unwrap();
        let failing: Fill = Box::new(|beside, _| {
            std::fs::write(beside.join("half"), "")?;
            anyhow::bail!("no network")
        });
        assert!(complete(folder.path(), "tool-1", &failing).is_err());
        assert!(!folder.path().join("tool-1").exists());
        complete(folder.path(), "tool-1", &fill("whole")).unwrap();
        assert!(!folder.path().join("tool-1/half").exists());
    }

    #[test]
    fn two_runs_at_once_do_the_work_once() {
        let folder = tempfile::tempdir().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let done = Arc::clone(&done);
                scope.spawn(|| {
                    let count: Fill = Box::new(move |beside, _| {
                        done.fetch_add(1, Ordering::Relaxed);
                        Ok(std::fs::write(beside.join("file"), "x")?)
                    });
                    complete(folder.path(), "tool-1", &count).unwrap();
                });
            }
        });
        assert_eq!(done.load(Ordering::Relaxed), 1);
        assert!(folder.path().join("tool-1/file").is_file());
    }

    #[test]
    fn a_key_changes_with_each_content_and_with_their_borders() {
        assert_ne!(key([b"ab", b"c"]), key([b"a", b"bc"]));
        assert_eq!(key([b"ab", b"c"]), key([b"ab", b"c"]));
    }
}
