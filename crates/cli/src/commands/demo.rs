//! `gpulse demo`: a simulated fleet, its past and its present, on the same page as a real one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use model::clock::SystemClock;
use model::{Clock as _, Timestamp};
use sim::{Fleet, Pace, Scenario, SimClock};
use store::Fsync;
use tracing::Level;

use crate::fault::Fault;
use crate::fleet::{self, Plan};
use crate::hub::{self, Hub, HubArgs, Setting};
use crate::log::LogArgs;
use crate::{moment, query};

/// The store takes samples up to a day old; what is filled in stays well within that.
const LONGEST_HISTORY: Duration = Duration::from_secs(20 * 3600);
/// Beyond the history: what began before it has its state when it is first shown.
const LEAD: Duration = Duration::from_secs(20 * 60);
/// Machines at most: 80,000 GPUs.
const MOST_NODES: u32 = 10_000;

/// Show a simulated fleet, as `gpulse up` shows a machine: needs no GPU.
///
/// 8 machines with 64 GPUs, with every state and everything that goes wrong, and two hours of past
/// that are filled in within seconds. Nothing is kept unless --data is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gpulse demo                                      then open http://127.0.0.1:9470/
  gpulse demo --nodes 125                          1,000 GPUs
  gpulse demo --seed 7 --clock 2026-01-15T09:00:00Z  the same figures each time
  gpulse demo --scenario h100-mixed                another scenario, or a file")]
pub(crate) struct Args {
    /// Machines of the fleet, of 8 GPUs each. Default: 8.
    #[arg(long, value_name = "N", conflicts_with = "scenario",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_NODES)))]
    nodes: Option<u32>,
    /// Seed of the fleet and of all noise. Default: 42.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The time at which the demo begins; the same seed and time give the same figures. Default:
    /// now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    clock: Option<Timestamp>,
    /// Another fleet: a scenario that ships with gpulse, or a scenario file. Default: fleet-demo.
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<String>,
    /// How much of the past is filled in, a sample a minute.
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = history)]
    history: Duration,
    /// Folder to keep samples in. Default: a temporary one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    pub(super) fn start_log(&self) {
        self.log.start(None, Level::WARN);
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let ms = query::rfc3339(text)
        .ok_or_else(|| format!("{text:?} is no time: write 2026-01-15T09:00:00Z"))?;
    if !(0..=4_102_444_800_000).contains(&ms) {
        return Err(format!("{text:?} is too far away: a year from 1970 to 2100"));
    }
    Ok(Timestamp(ms * 1000))
}

fn history(text: &str) -> Result<Duration, String> {
    let span = moment::read(text)?;
    if span > LONGEST_HISTORY {
        return Err(format!("at most {} are filled in", moment::short(LONGEST_HISTORY)));
    }
    Ok(span)
}

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let (scenario, age) = scenario(args)?;
    let begin = args.clock.unwrap_or_else(|| SystemClock.now());
    // Pictures lie on a grid of five seconds.
    let at = Timestamp(begin.0 - begin.0.rem_euclid(5_000_000));
    // A time that was asked for stands until the first picture is there.
    let pace = if args.clock.is_some() { Pace::Manual } else { Pace::Wall };
    let clock = Arc::new(SimClock::starting_at(begin, pace, age + begin.since(at)));
    let temporary = args.data.is_none().then(hub::temporary).transpose()?;
    let data = match (&temporary, &args.data) {
        (Some(folder), _) => folder.path().to_owned(),
        (None, Some(folder)) => folder.clone(),
        (None, None) => return Err(anyhow!("no data folder").into()),
    };
    let setting = Setting {
        data: &data,
        fsync: if temporary.is_some() { Fsync::Never } else { Fsync::default() },
        clock: Arc::clone(&clock) as Arc<dyn model::Clock>,
    };
    let hub = Hub::open(&args.hub, setting)?;
    let plan = Plan { scenario, at, age, history: args.history, clock };
    let fleet = fleet::start(hub.app.clone(), plan).context("cannot start the fleet")?;
    hub.run(|| {}, move || fleet.end())?;
    drop(temporary);
    Ok(0)
}

/// The scenario, and the age of its world at the first picture.
fn scenario(args: &Args) -> Result<(Scenario, Duration), Fault> {
    let name = args.scenario.as_deref().unwrap_or(sim::fleet::NAME);
    if name == sim::fleet::NAME {
        let usual = Fleet::default();
        let fleet = Fleet {
            nodes: args.nodes.unwrap_or(usual.nodes),
            seed: args.seed.unwrap_or(usual.seed),
            age: (args.history + LEAD).max(sim::fleet::YOUNGEST),
        };
        return Ok((Scenario::fleet(&fleet).map_err(Fault::usage)?, fleet.age));
    }
    let scenario = Scenario::load(name).map_err(Fault::usage)?;
    let age = scenario.age();
    Ok((args.seed.map_or(scenario.clone(), |seed| scenario.with_seed(seed)), age))
}
