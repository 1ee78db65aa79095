//! `gpulse doctor`: what can be read here, what cannot, why, and the remedy.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use exporter::doctor::{self, Answer, Evidence, Status};
use exporter::textfile::DEFAULT_OUTPUT;
use exporter::{Node, POD_RESOURCES_SOCKET, STATE_FILE, StateUse};
use serde::Serialize;

use crate::commands::exporter::flags::{Maybe, given};
use crate::fault::{FAILURE, Fault};
use crate::language::Language;
use crate::machine::{MachineArgs, Opened, StateArgs};
use crate::moment;
use crate::output::{self, Format, OutputArgs, csv_cell};
use crate::signals;
use crate::table::{Colour, Look, visible};
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
  gpulse doctor -o csv --no-headers           a line for each check, for scripts
  gpulse doctor --path.procfs /host/proc      as in a container")]
pub(crate) struct Args {
    /// The textfile that gpulse collect would write.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_OUTPUT)]
    textfile: PathBuf,
    /// Socket of the kubelet that gpulse exporter --kubernetes would ask.
    /// Default: /var/lib/kubelet/pod-resources/kubelet.sock.
    #[arg(long, value_name = "PATH", env = "DCGM_POD_RESOURCES_KUBELET_SOCKET", hide_env = true)]
    pod_resources_kubelet_socket: Option<Maybe<PathBuf>>,
    #[command(flatten)]
    output: OutputArgs,
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
    let language = Language::of_environment();
    let format = args.output.format();
    if format == Format::Prom {
        let problem =
            "-o prom does not apply: checks are no metrics; ask gpulse exporter for those";
        return Err(Fault::usage(anyhow!(problem)));
    }
    if !args.output.columns.is_empty() {
        let problem =
            "--columns does not apply: a check has always its id, status, evidence and remedy";
        return Err(Fault::usage(anyhow!(problem)));
    }
    let kubelet = given(&args.pod_resources_kubelet_socket);
    let kubelet = kubelet.unwrap_or_else(|| POD_RESOURCES_SOCKET.into());
    let Opened { mut config, machine, simulated, state } = args.machine.open()?;
    let state = args.state.place(state);
    if let Some(name) = simulated {
        output::say(&Message::Simulated(name).text(language));
    }
    config.session.sampled = true;
    let stop = signals::stop_on_signal()?;
    let use_of_state = state.find(STATE_FILE).map_or(StateUse::None, StateUse::Read);
    let is_watched = !matches!(use_of_state, StateUse::None);
    let mut node = Node::new(&config, machine, &use_of_state);
    let snapshot = node.look(&stop);
    let state_dir = state.planned();
    let answers = doctor::examine(&Evidence {
        snapshot: &snapshot,
        host: node.host(),
        textfile: &args.textfile,
        kubelet: &kubelet,
        state_dir: state_dir.as_deref().map(Path::new),
        is_watched,
    });
    let text = match format {
        Format::Table | Format::Prom => text(&answers, language, args.output.look()),
        Format::Json => json(&snapshot, &answers)?,
        Format::Jsonl => jsonl(&answers)?,
        Format::Csv => csv(&answers, !args.output.no_headers),
    };
    output::print(&text)?;
    let failed = answers.iter().any(|answer| answer.status == Status::Fail);
    Ok(if failed { FAILURE } else { 0 })
}

impl<'a> Row<'a> {
    fn of(answer: &'a Answer) -> Self {
        Self {
            id: answer.id,
            question: answer.question,
            status: answer.status.as_str(),
            evidence: &answer.evidence,
            remedy: answer.remedy.as_deref(),
        }
    }
}

/// A row of `-o jsonl`.
#[derive(Serialize)]
struct JsonRow<'a> {
    schema_version: u32,
    #[serde(flatten)]
    row: Row<'a>,
}

fn jsonl(answers: &[Answer]) -> serde_json::Result<String> {
    let mut out = String::new();
    for answer in answers {
        let row = JsonRow { schema_version: SCHEMA_VERSION, row: Row::of(answer) };
        out.push_str(&serde_json::to_string(&row)?);
        out.push('\n');
    }
    Ok(out)
}

/// A line for each check.
fn csv(answers: &[Answer], heads: bool) -> String {
    let heads = heads.then(|| "id,status,evidence,remedy".to_owned());
    let rows = answers.iter().map(|answer| {
        let remedy = answer.remedy.as_deref().unwrap_or_default();
        [answer.id, answer.status.as_str(), &answer.evidence, remedy].map(csv_cell).join(",")
    });
    heads.into_iter().chain(rows).map(|line| line + "\n").collect()
}

fn json(snapshot: &exporter::Snapshot, answers: &[Answer]) -> serde_json::Result<String> {
    let checks = answers.iter().map(Row::of).collect();
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
fn text(answers: &[Answer], language: Language, look: Look) -> String {
    let mut out = String::new();
    for answer in answers {
        let (word, colour) = mark(answer.status);
        let evidence = language.sentence(&answer.evidence);
        let found = visible(&format!("{}: {evidence}", answer.id));
        let word = colour.paint(&format!("{word:<4}"), look.coloured);
        let _ = writeln!(out, "{word}  {}", below(&found, look.width));
        if let Some(remedy) = &answer.remedy {
            let remedy = language.sentence(remedy);
            let remedy = format!("{}: {remedy}", language.pick("remedy", "해결 방법"));
            let _ = writeln!(out, "      {}", below(&visible(&remedy), look.width));
        }
    }
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    let (ok, warn, fail) = (count(Status::Ok), count(Status::Warn), count(Status::Fail));
    let warnings = if warn == 1 { "warning" } else { "warnings" };
    let total = language.pick(
        format!("{ok} ok, {warn} {warnings}, {fail} failed"),
        format!("정상 {ok}, 경고 {warn}, 실패 {fail}"),
    );
    let _ = writeln!(out, "{total}");
    out
}

/// Broken at the terminal's width if there is one, under the place where the text of a check begins.
fn below(text: &str, width: Option<usize>) -> String {
    const INDENT: usize = 6;
    let Some(width) = width else { return text.to_owned() };
    wrapped(text, width.saturating_sub(INDENT), 0).replace('\n', &format!("\n{:INDENT$}", ""))
}

const fn mark(status: Status) -> (&'static str, Colour) {
    match status {
        Status::Ok => ("ok", Colour::Good),
        Status::Warn => ("warn", Colour::Warning),
        Status::Fail => ("fail", Colour::Critical),
        Status::NotApplicable => ("-", Colour::Dim),
    }
}
