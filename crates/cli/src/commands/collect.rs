//! `gpulse collect`: the textfile for node_exporter.

use std::path::{Path, PathBuf};
use std::time::Duration;

use exporter::textfile::{self, DEFAULT_OUTPUT, Outcome, Settings};

use crate::fault::Fault;
use crate::holders::HolderArgs;
use crate::machine::{MachineArgs, Opened};
use crate::moment;
use crate::output;
use crate::signals;

/// Write GPU sessions to a textfile for node_exporter, once or again and again.
///
/// The file is written beside and renamed: a reader sees the old or the new one. No driver or no
/// GPU is a result, written into the file, with exit code 0; exit code 1 is a file that cannot be
/// written. With --every one process stays, samples as the exporter does and adds counters.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gpulse collect                          once, to node_exporter's folder
  gpulse collect --every 30s              again and again, from one process
  gpulse collect --output -               on the terminal; nothing is kept
  gpulse collect --output /tmp/textfiles/gpu_sessions.prom --create-dir
node_exporter reads the folder with --collector.textfile.directory=FOLDER.")]
pub(crate) struct Args {
    /// The file; - is stdout.
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_OUTPUT)]
    output: PathBuf,
    /// Stay, and write it every so often: 30s, 5m.
    #[arg(long, value_name = "DURATION", value_parser = moment::read)]
    every: Option<Duration>,
    /// Make the folder if it is missing.
    #[arg(long)]
    create_dir: bool,
    #[command(flatten)]
    holders: HolderArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}

/// Each write is a new look at everything.
const SHORTEST_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    if args.every.is_some_and(|every| every < SHORTEST_EVERY) {
        return Err(Fault::usage(anyhow::anyhow!("--every is at least 1s")));
    }
    let to_stdout = args.output == Path::new("-");
    if to_stdout && args.every.is_some() {
        return Err(Fault::usage(anyhow::anyhow!(
            "--every needs a file to rewrite, not --output -"
        )));
    }
    let Opened { config, machine, simulated, .. } = args.machine.open()?;
    if let Some(name) = simulated {
        tracing::warn!(scenario = name, "simulated machine: no figure is that of a real GPU");
    }
    let config = args.holders.over(config, machine.simulated);
    let stop = signals::stop_on_signal()?;
    if to_stdout {
        output::print(&textfile::collect_text(&config, machine, &stop).text)?;
        return Ok(0);
    }
    let settings = Settings { output: args.output.clone(), create_dir: args.create_dir };
    let outcome = match args.every {
        None => textfile::collect_once(&config, machine, &settings, &stop)?,
        Some(every) => textfile::collect_every(&config, machine, &settings, every, &stop)?,
    };
    if let Outcome::AnotherRuns { lock } = outcome {
        output::say(&format!("another run is under way ({}): nothing done", lock.display()));
    }
    Ok(0)
}
