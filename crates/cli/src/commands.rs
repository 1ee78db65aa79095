//! The list of commands. Help, completions, man pages and the reference page follow from it.

mod collect;
mod demo;
mod doctor;
pub(crate) mod exporter;
mod gen_files;
mod query;
mod server;
mod up;
mod who;

use std::ffi::OsString;
use std::path::Path;

use clap::{CommandFactory as _, Parser as _};
use tracing::Level;

use crate::fault::Fault;
use crate::version;

pub(crate) use who::SCHEMA_VERSION as WHO_SCHEMA;

/// The name under which the binary takes the place of NVIDIA's exporter.
const DCGM_EXPORTER: &str = "dcgm-exporter";

const EXAMPLES: &str = "\
Examples:
  gpulse who                        who is on which GPU of this machine
  gpulse who --watch                the same, again and again
  gpulse up                         history and a page in the browser, for this machine
  gpulse demo                       the same for a simulated fleet, where there is no GPU
  gpulse doctor                     what can be read here, what cannot, and why
  gpulse exporter                   metrics for Prometheus on port 9400
  gpulse collect --output -         one collection as a textfile, on the terminal
  gpulse server                     receive, store and show what many machines send";

/// Who is on which GPU, how well it is used, and what is wrong with it.
#[derive(Debug, clap::Parser)]
#[command(
    name = "gpulse",
    version = version::SHORT,
    long_version = version::details(),
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = EXAMPLES,
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One command with its options.
#[derive(Debug, clap::Subcommand)]
#[expect(private_interfaces, reason = "the options of a command are nobody's business but its own")]
#[expect(missing_docs, reason = "a doc comment here would hide the longer one of the options")]
pub enum Command {
    Who(who::Args),
    Up(up::Args),
    Demo(demo::Args),
    Query(query::Args),
    Doctor(doctor::Args),
    Exporter(Box<exporter::Args>),
    Collect(collect::Args),
    Server(server::Args),
    Gen(gen_files::Args),
}

impl Command {
    /// Start the log as the command wants it.
    pub fn start_log(&self) {
        match self {
            Self::Who(args) => args.machine.start_log(Level::ERROR),
            Self::Doctor(args) => args.machine.start_log(Level::ERROR),
            Self::Exporter(args) => args.start_log(),
            Self::Collect(args) => args.machine.start_log(Level::INFO),
            Self::Up(args) => args.machine.start_log(Level::INFO),
            Self::Demo(args) => args.start_log(),
            Self::Server(args) => args.start_log(),
            Self::Query(_) | Self::Gen(_) => {}
        }
    }

    /// Do it, and give the exit code.
    ///
    /// # Errors
    /// Whatever kept the command from ending well, with its exit code.
    pub fn run(self) -> Result<u8, Fault> {
        match self {
            Self::Who(args) => who::run(&args),
            Self::Doctor(args) => doctor::run(&args),
            Self::Exporter(args) => exporter::run(&args),
            Self::Collect(args) => collect::run(&args),
            Self::Query(args) => query::run(&args),
            Self::Up(args) => up::run(&args),
            Self::Demo(args) => demo::run(&args),
            Self::Server(args) => server::run(&args),
            Self::Gen(args) => gen_files::run(&args),
        }
    }
}

/// Read the command line. Started as `dcgm-exporter`, it is that of the exporter role with the part
/// `gpu` alone.
///
/// # Errors
/// A wrong command line, or one that asks for help or the version.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let stands_in = args
        .first()
        .is_some_and(|name| Path::new(name).file_name().is_some_and(|name| name == DCGM_EXPORTER));
    if stands_in {
        args.insert(1, "exporter".into());
    }
    if args.get(1).is_some_and(|command| command == "exporter") {
        let rest = args.split_off(2);
        args.extend(exporter::go_style::with_two_dashes(rest));
    }
    let mut command = Cli::try_parse_from(args)?.command;
    if let Command::Exporter(args) = &mut command {
        args.stands_in_for_dcgm_exporter = stands_in;
    }
    Ok(command)
}

/// The definition from which completions and pages are made.
pub(crate) fn definition() -> clap::Command {
    Cli::command()
}
