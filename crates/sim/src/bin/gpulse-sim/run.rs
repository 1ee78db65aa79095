//! `gpulse-sim run`: a host tree kept fresh, by a clock that others may share.
//!
//! With `--spawn` each simulated process that does not repeat is a real sleeping child whose PID it
//! has, for programs that look into the real `/proc`. The scenario with those PIDs is written
//! beside the tree. A child ends when this program does, however it ends: it waits for the end of
//! a pipe that this program holds.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use model::{Clock as _, Stop, Timestamp};
use sim::{HostTree, Scenario, SimClock, World};

/// Set for a child that stands for a simulated process.
const SLEEPER: &str = "GPULSE_SIM_SLEEPER";
/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// More real processes than this are refused: a scenario of thousands is not meant for it.
const CHILDREN: usize = 512;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Name or file of the scenario.
    scenario: String,
    /// Folder of the tree: `DIR/proc`, `DIR/sys`, `DIR/etc`.
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Clock file; made if absent. Without it, `DIR/clock`.
    #[arg(long, value_name = "FILE")]
    clock: Option<PathBuf>,
    /// Name or number of the node.
    #[arg(long)]
    node: Option<String>,
    /// Start a real sleeping child for each simulated process.
    #[arg(long)]
    spawn: bool,
}

/// Whether this process is such a child.
pub(crate) fn is_a_sleeper() -> bool {
    std::env::var_os(SLEEPER).is_some()
}

/// Sleep until the parent ends.
pub(crate) fn sleep() -> ExitCode {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    std::fs::create_dir_all(&arguments.root)
        .with_context(|| format!("cannot make {}", arguments.root.display()))?;
    let mut scenario = Scenario::load(&arguments.scenario)?;
    let mut named = arguments.scenario.clone();
    let mut children = Vec::new();
    if arguments.spawn {
        let path = arguments.root.join("scenario.toml");
        children = spawn(&arguments.scenario, &path)?;
        named = path.display().to_string();
        scenario = Scenario::load(&named)?;
    }
    let clock_file = arguments.clock.clone().unwrap_or_else(|| arguments.root.join("clock"));
    let clock = SimClock::open_or_create(&clock_file, scenario.pace(), scenario.age())?;
    let world = Arc::new(World::new(&scenario));
    let node = match &arguments.node {
        Some(name) => {
            world.node_named(name).with_context(|| format!("the scenario has no node `{name}`"))?
        }
        None => 0,
    };
    let mut tree = HostTree::new(Arc::clone(&world), node, arguments.root.clone());
    let shown = clock.now();
    tree.refresh_at(shown, clock.origin())?;
    let mut out = std::io::stdout();
    let _ = writeln!(
        out,
        "simulated host {} in {}",
        world.nodes()[node].name,
        arguments.root.display()
    );
    let _ = writeln!(out, "NVML_SIM_SCENARIO={named}");
    let _ = writeln!(out, "NVML_SIM_CLOCK={}", clock_file.display());
    let _ = out.flush();
    keep(&mut tree, &clock, shown, &children)
}

/// Keep the tree at the clock's time, for ever: a signal ends it. `shown` is the time that the tree
/// has: a clock that was moved since is followed.
fn keep(
    tree: &mut HostTree,
    clock: &SimClock,
    mut shown: Timestamp,
    _children: &[Child],
) -> Result<()> {
    let stop = Stop::default();
    let least = Duration::from_millis(200);
    loop {
        stop.wait(LOOK);
        let now = clock.now();
        let moved = now.0.abs_diff(shown.0);
        // A running clock always moves: a fifth of a second of it is worth a look at the tree. A
        // standing one is followed at once.
        let enough = if clock.factor() > 0.0 { least.as_micros() } else { 1 };
        if u128::from(moved) >= enough {
            tree.refresh_at(now, clock.origin())?;
            shown = now;
        }
    }
}

/// Start the children, and write the scenario in which processes have their PIDs.
fn spawn(scenario: &str, path: &Path) -> Result<Vec<Child>> {
    let text = match sim::scenario::embedded::scenario(scenario) {
        Some(text) => text.to_owned(),
        None => std::fs::read_to_string(scenario)
            .with_context(|| format!("cannot read the scenario {scenario}"))?,
    };
    let mut file: toml::Table = text.parse().context("the scenario is no TOML")?;
    let mut children = Vec::new();
    // PIDs of the scenario, which its faults name, and those of the children.
    let mut renamed: HashMap<i64, i64> = HashMap::new();
    for process in tables(&mut file, "process") {
        let repeats = process.contains_key("every");
        let several = process.get("count").is_some_and(|count| count.as_integer() != Some(1));
        if repeats || several {
            continue;
        }
        if children.len() >= CHILDREN {
            bail!("more than {CHILDREN} processes cannot be real");
        }
        let child = sleeper(process)?;
        let pid = i64::from(child.id());
        if let Some(old) = process.insert("pid".into(), pid.into()).and_then(|old| old.as_integer())
        {
            renamed.insert(old, pid);
        }
        children.push(child);
    }
    for fault in tables(&mut file, "fault") {
        let new = fault.get("pid").and_then(|pid| renamed.get(&pid.as_integer()?));
        if let Some(new) = new.copied() {
            fault.insert("pid".into(), new.into());
        }
    }
    let text = toml::to_string(&file).context("cannot write the scenario anew")?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(children)
}

/// The tables of that name of all nodes.
fn tables<'a>(file: &'a mut toml::Table, name: &str) -> Vec<&'a mut toml::Table> {
    let nodes = file.get_mut("node").and_then(toml::Value::as_array_mut);
    nodes
        .into_iter()
        .flatten()
        .filter_map(|node| node.as_table_mut()?.get_mut(name)?.as_array_mut())
        .flatten()
        .filter_map(toml::Value::as_table_mut)
        .collect()
}

fn sleeper(process: &toml::Table) -> Result<Child> {
    let text = |key: &str| process.get(key).and_then(toml::Value::as_str).unwrap_or_default();
    let listed = process.get("arguments").and_then(toml::Value::as_array);
    let mut words: Vec<String> = listed
        .map(|words| words.iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect())
        .unwrap_or_default();
    if words.is_empty() {
        words = text("command").split_whitespace().map(str::to_owned).collect();
    }
    let program = std::env::current_exe().context("cannot find this program")?;
    #[expect(clippy::disallowed_methods, reason = "real children are what --spawn asks for")]
    let mut command = Command::new(program);
    if let Some((first, rest)) = words.split_first() {
        command.arg0(first).args(rest);
    }
    command.env(SLEEPER, "1").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("cannot start a child")
}
