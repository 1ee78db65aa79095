//! `gpulse doctor`: what can be read here, what cannot, why, and the remedy.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use exporter::doctor::{self, Answer, Evidence, Status};
use exporter::textfile::DEFAULT_OUTPUT;
use exporter::{Node, STATE_FILE, StateUse};
use serde::Serialize;

use crate::fault::{FAILURE, Fault};
use crate::language::Language;
use crate::machine::{MachineArgs, Opened, StateArgs};
use crate::moment;
use crate::output::{self, When};
use crate::signals;
use crate::table::{Colour, visible};
use crate::who::Message;
use crate::wrap::wrapped;

/// Check what can be read on this machine, what cannot, and what to do about it.
///
/// Each check has an id that stays the same, what was found, and where something is wanting what
/// to do. Exit code 1 if a check fails; warnings are not failures.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gpulse doctor
  gpulse doctor --json
  gpulse doctor --path.procfs /host/proc      as in a container")]
pub(crate) struct Args {
    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
    /// The textfile that gpulse collect would write.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_OUTPUT)]
    textfile: PathBuf,
    /// When to colour the text.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    color: When,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    state: StateArgs,
}

/// Version of the JSON; it rises only when a field changes its meaning.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    schema_version: u32,
    at: String,
    node: &'a str,
    simulated: bool,
    checks: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'static str,
    question: &'static str,
    status: &'static str,
    evidence: &'a str,
    remedy: Option<&'a str>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let Opened { mut config, machine, simulated, state } = args.machine.open()?;
    let state = args.state.place(state);
    if let Some(name) = simulated {
        output::say(&Message::Simulated(name).text(Language::of_environment()));
    }
    config.session.sampled = true;
    let stop = signals::stop_on_signal()?;
    let use_of_state = state.find(STATE_FILE).map_or(StateUse::None, StateUse::Read);
    let mut node = Node::new(&config, machine, &use_of_state);
    let snapshot = node.look(&stop);
    let state_dir = state.planned();
    let answers = doctor::examine(&Evidence {
        snapshot: &snapshot,
        host: node.host(),
        textfile: &args.textfile,
        state_dir: state_dir.as_deref().map(Path::new),
    });
    let text = if args.json {
        json(&snapshot, &answers)?
    } else {
        text(&answers, output::is_coloured(args.color))
    };
    output::print(&text)?;
    let failed = answers.iter().any(|answer| answer.status == Status::Fail);
    Ok(if failed { FAILURE } else { 0 })
}

fn json(snapshot: &exporter::Snapshot, answers: &[Answer]) -> serde_json::Result<String> {
    let checks = answers
        .iter()
        .map(|answer| Row {
            id: answer.id,
            question: answer.question,
            status: answer.status.as_str(),
            evidence: &answer.evidence,
            remedy: answer.remedy.as_deref(),
        })
        .collect();
    let report = Report {
        schema_version: SCHEMA_VERSION,
        at: moment::iso(snapshot.at),
        node: &snapshot.hostname,
        simulated: snapshot.simulated,
        checks,
    };
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}

/// Each check with what was found, and below it the remedy.
fn text(answers: &[Answer], coloured: bool) -> String {
    let mut out = String::new();
    for answer in answers {
        let (word, colour) = mark(answer.status);
        let found = visible(&format!("{}: {}", answer.id, answer.evidence));
        let _ =
            writeln!(out, "{}  {}", colour.paint(&format!("{word:<4}"), coloured), below(&found));
        if let Some(remedy) = &answer.remedy {
            let _ = writeln!(out, "      {}", below(&visible(&format!("remedy: {remedy}"))));
        }
    }
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    let (ok, warn, fail) = (count(Status::Ok), count(Status::Warn), count(Status::Fail));
    let warnings = if warn == 1 { "warning" } else { "warnings" };
    let _ = writeln!(out, "{ok} ok, {warn} {warnings}, {fail} failed");
    out
}

/// Broken at the terminal's width, under the place where the text of a check begins.
fn below(text: &str) -> String {
    const INDENT: usize = 6;
    wrapped(text, output::terminal_width().saturating_sub(INDENT), 0)
        .replace('\n', &format!("\n{:INDENT$}", ""))
}

const fn mark(status: Status) -> (&'static str, Colour) {
    match status {
        Status::Ok => ("ok", Colour::Good),
        Status::Warn => ("warn", Colour::Warning),
        Status::Fail => ("fail", Colour::Critical),
        Status::NotApplicable => ("-", Colour::Dim),
    }
}
