//! `gpulse who`: who is on which GPU of this machine.

mod screen;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use exporter::{Node, STATE_FILE, StateUse};
use model::Stop;
use model::text::Writer;

use crate::fault::Fault;
use crate::language::Language;
use crate::machine::{MachineArgs, Opened, StateArgs};
use crate::moment;
use crate::output::{self, Format, OutputArgs};
use crate::who::{self, Look, Message, NoGpu, Watcher, WhoColumn};

pub(crate) use crate::who::SCHEMA_VERSION;

/// Show who is on which GPU of this machine.
///
/// One line per process and device; a GPU that nobody is on is shown as idle. MIG devices stand
/// beside whole GPUs, named GPU_DEVICE_INSTANCE (0_1_0). Use is the SM time of the newest seconds
/// that the driver holds. States: starting (no use yet, first 5 min), active (used within 5 min),
/// idle, held (idle, with more than 256 MiB), stale (held for 1 h), unknown (use cannot be read).
/// States go on from the state file of a running exporter.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gpulse who                                the table
  gpulse who --watch                        again every 2 s; Ctrl-C ends
  gpulse who --json                         for programs; null is what could not be read
  gpulse who -o csv --columns gpu,user,pid,memory
  gpulse who --sim h100x8-busy              a simulated machine, where there is no GPU")]
pub(crate) struct Args {
    /// Show it again and again, every 2 s or as often as told: --watch=10s.
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        value_parser = moment::read,
    )]
    watch: Option<Duration>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    state: StateArgs,
}

/// Shortest time between two looks: each asks the driver for everything.
const SHORTEST_WATCH: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let columns = columns(args)?;
    let language = Language::of_environment();
    let (mut watcher, simulated) = watcher(args)?;
    let form = Form { args, columns, language, simulated };
    let stop = crate::signals::stop_on_signal()?;
    let look = watcher.look(&stop);
    match args.watch {
        Some(every) => watch(&mut watcher, look, &form, every.max(SHORTEST_WATCH), &stop)?,
        None => {
            form.notes(&look).iter().for_each(|note| output::say(note));
            output::print(&form.text(&look)?)?;
        }
    }
    Ok(0)
}

/// What looks, and the name of the scenario under simulation.
fn watcher(args: &Args) -> Result<(Watcher, Option<String>), Fault> {
    let Opened { mut config, machine, simulated, state } = args.machine.open()?;
    let state = args.state.place(state);
    // A look: one observation stands for the time before it, and nothing is counted.
    config.session.sampled = true;
    let state = state.find(STATE_FILE).map_or(StateUse::None, StateUse::Read);
    let has_history = !matches!(state, StateUse::None);
    let starting_for = config.session.starting_for;
    let node = Node::new(&config, machine, &state);
    Ok((Watcher::new(node, has_history, starting_for), simulated))
}

fn columns(args: &Args) -> Result<Vec<&'static WhoColumn>, Fault> {
    let format = args.output.format();
    let has_columns = matches!(format, Format::Table | Format::Csv);
    if !args.output.columns.is_empty() && !has_columns {
        return Err(Fault::usage(anyhow::anyhow!("--columns is for the forms table and csv")));
    }
    who::choose(&args.output.columns, args.output.wide || format == Format::Csv)
        .map_err(|reason| Fault::usage(anyhow::anyhow!(reason)))
}

/// How a look is printed.
struct Form<'a> {
    args: &'a Args,
    columns: Vec<&'static WhoColumn>,
    language: Language,
    simulated: Option<String>,
}

impl Form<'_> {
    /// The data.
    fn text(&self, look: &Look) -> Result<String, Fault> {
        let output = &self.args.output;
        Ok(match output.format() {
            Format::Table if look.no_gpu.is_some() => {
                format!("{}\n", NoGpu::sentence(self.language))
            }
            Format::Table => who::table(&look.who, &self.columns, self.language, output.look()),
            Format::Json => look.who.json()?,
            Format::Jsonl => look.who.jsonl()?,
            Format::Csv => who::csv(&look.who, &self.columns, !output.no_headers),
            Format::Prom => prom(look),
        })
    }

    /// What a person should know besides.
    fn notes(&self, look: &Look) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(name) = &self.simulated {
            notes.push(Message::Simulated(name.clone()).text(self.language));
        }
        if let Some(no_gpu) = &look.no_gpu {
            if self.args.output.format() != Format::Table {
                notes.push(NoGpu::sentence(self.language).to_owned());
            }
            notes.push(no_gpu.details(self.language));
        }
        if look.states_need_watching {
            notes.push(Message::StatesNeedWatching.text(self.language));
        }
        notes
    }
}

fn prom(look: &Look) -> String {
    let mut page = Writer::default();
    session::exposition::write_seed(&look.view, &mut page);
    session::exposition::write_sessions(&look.view, &mut page);
    page.finish()
}

/// Look again and again until Ctrl-C. On a terminal the table is redrawn in place; elsewhere each
/// look is a fresh block, with an empty line between two tables, and notes are said once.
fn watch(
    watcher: &mut Watcher,
    first: Look,
    form: &Form<'_>,
    every: Duration,
    stop: &Stop,
) -> Result<(), Fault> {
    let is_table = form.args.output.format() == Format::Table;
    if is_table && io::stdout().is_terminal() {
        return watch_in_place(watcher, first, form, every, stop);
    }
    form.notes(&first).iter().for_each(|note| output::say(note));
    output::print(&form.text(&first)?)?;
    while !stop.wait(every) {
        let look = watcher.look(stop);
        if stop.is_stopped() {
            break;
        }
        let between = if is_table { "\n" } else { "" };
        output::print(&format!("{between}{}", form.text(&look)?))?;
    }
    Ok(())
}

fn watch_in_place(
    watcher: &mut Watcher,
    first: Look,
    form: &Form<'_>,
    every: Duration,
    stop: &Stop,
) -> Result<(), Fault> {
    output::print(screen::BEGIN)?;
    let mut look = first;
    let ended = loop {
        let text = form.text(&look)?;
        let drawn = output::print(&screen::frame(&look.who, &text, &form.notes(&look)));
        if drawn.is_err() || stop.wait(every) {
            break drawn;
        }
        look = watcher.look(stop);
    };
    // The cursor comes back whatever ended the watch.
    output::print(screen::END)?;
    Ok(ended?)
}
