//! `cargo xtask ui`: the web pages of `web/`, built, served while they are written, and tested.
//!
//! Packages come from the lock file with npm, without their scripts. What is up to date is left
//! alone, so that the server, which embeds `web/dist`, is not compiled again for nothing.

mod checks;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::libtest::Tally;
use crate::setup::{self, Node, key};
use crate::test;
use crate::workspace::{self, Profile};

/// Options of `cargo xtask ui`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Serve the pages while they are written, with /api from a running `gpulse demo`.
    #[arg(long, group = "what")]
    dev: bool,
    /// Run the unit tests and the checks in a browser.
    #[arg(long, group = "what")]
    test: bool,
    /// Take the pictures of the README anew, into docs/img.
    #[arg(long, group = "what")]
    screenshots: bool,
    /// With --test or --screenshots: the program as users run it.
    #[arg(long)]
    release: bool,
    /// With --test: only those whose name contains this.
    filter: Option<String>,
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let node = setup::node()?.map_err(anyhow::Error::msg)?;
    if args.dev {
        install(&node)?;
        println!("/api is asked of ${{GPULSE_API}}, else of http://127.0.0.1:9470");
        workspace::run(node.npm().args(["run", "dev"]))?;
        return Ok(ExitCode::SUCCESS);
    }
    build(&node)?;
    let profile = if args.release { Profile::Release } else { Profile::Dev };
    if args.screenshots {
        let gpulse = workspace::build(profile, &["cli"])?.gpulse;
        let chromium = setup::chromium(false)?.map_err(anyhow::Error::msg)?;
        checks::screenshots(&node, &gpulse, &chromium)?;
    }
    if args.test {
        let gpulse = workspace::build(profile, &["cli"])?.gpulse;
        let tally = checks::all(&Ok(node), &gpulse, false, args.filter.as_deref())?;
        return Ok(test::close(&tally, false));
    }
    Ok(ExitCode::SUCCESS)
}

/// Build the pages where there is a Node; the reason where there is none. The program then holds a
/// plain page instead of them.
pub(crate) fn prepare() -> Result<Result<Node, String>> {
    let node = setup::node()?;
    match &node {
        Ok(node) => build(node)?,
        Err(reason) => println!("the web pages are not built: {reason}"),
    }
    Ok(node)
}

/// The unit tests and the checks in a browser, as a stage of `cargo xtask test`.
pub(crate) fn test(
    node: &Result<Node, String>,
    gpulse: &Path,
    quick: bool,
    filter: Option<&str>,
) -> Result<Tally> {
    checks::all(node, gpulse, quick, filter)
}

/// What is read to build the pages, below `web`.
const INPUTS: &[&str] = &[
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
];

fn build(node: &Node) -> Result<()> {
    install(node)?;
    let stamp = web().join("node_modules/.gpulse-built");
    if is_stamped(&stamp, &state()?) {
        println!("web/dist is up to date");
        return Ok(());
    }
    workspace::run(node.npm().args(["run", "--silent", "build"]))?;
    std::fs::write(&stamp, state()?).context("cannot note that the pages are built")
}

/// `npm ci`, unless it was done for this lock file.
fn install(node: &Node) -> Result<()> {
    let lock =
        std::fs::read(web().join("package-lock.json")).context("cannot read the lock file")?;
    let (stamp, want) = (web().join("node_modules/.gpulse-installed"), key([&lock]));
    if is_stamped(&stamp, &want) {
        return Ok(());
    }
    println!("fetching the packages of the web pages: 200 MB, about 15 s");
    workspace::run(node.npm().arg("ci").arg("--silent"))?;
    std::fs::write(&stamp, want).context("cannot note that the packages are there")
}

fn is_stamped(stamp: &Path, want: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|have| have == want)
}

/// Stands for what goes into the pages and for what came out.
fn state() -> Result<String> {
    let mut files = Vec::new();
    for input in INPUTS {
        collect(&web().join(input), &mut files)?;
    }
    let dist = web().join("dist");
    if dist.is_dir() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    let mut all = Vec::new();
    for file in files {
        all.extend_from_slice(file.to_string_lossy().as_bytes());
        let content =
            std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        all.extend_from_slice(key([&content]).as_bytes());
    }
    Ok(key([&all]))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries =
        std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

fn web() -> PathBuf {
    workspace::root().join("web")
}
