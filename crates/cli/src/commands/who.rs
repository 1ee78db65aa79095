//! `gpulse who`: who is on which GPU of this machine.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use exporter::{Node, STATE_FILE, StateUse};
use model::Stop;
use model::text::Writer;

use crate::fault::Fault;
use crate::language::Language;
use crate::machine::{MachineArgs, Opened};
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
}

/// Shortest time between two looks: each asks the driver for everything.
const SHORTEST_WATCH: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let columns = columns(args)?;
    let language = Language::of_environment();
    let form = Form { args, columns, language };
    let mut watcher = watcher(args, language)?;
    let stop = crate::signals::stop_on_signal()?;
    let look = watcher.look(&stop);
    form.say(&look);
    match args.watch {
        None => output::print(&form.text(&look)?)?,
        Some(every) => watch(&mut watcher, look, &form, every.max(SHORTEST_WATCH), &stop)?,
    }
    Ok(0)
}

fn watcher(args: &Args, language: Language) -> Result<Watcher, Fault> {
    let Opened { mut config, machine, simulated, state } = args.machine.open()?;
    if let Some(name) = simulated {
        output::say(&Message::Simulated(name).text(language));
    }
    // A look: one observation stands for the time before it, and nothing is counted.
    config.session.sampled = true;
    let state = state.find(STATE_FILE).map_or(StateUse::None, StateUse::Read);
    let has_history = state != StateUse::None;
    let starting_for = config.session.starting_for;
    Ok(Watcher::new(Node::new(&config, machine, &state), has_history, starting_for))
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
}

impl Form<'_> {
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

    fn say(&self, look: &Look) {
        if let Some(no_gpu) = &look.no_gpu {
            if self.args.output.format() != Format::Table {
                output::say(NoGpu::sentence(self.language));
            }
            output::say(&no_gpu.details(self.language));
        }
        if look.states_need_watching {
            output::say(&Message::StatesNeedWatching.text(self.language));
        }
    }
}

fn prom(look: &Look) -> String {
    let mut page = Writer::default();
    session::exposition::write_seed(&look.view, &mut page);
    session::exposition::write_sessions(&look.view, &mut page);
    page.finish()
}

/// Look again and again until Ctrl-C. On a terminal the table is redrawn in place; elsewhere each
/// look is a fresh block, with an empty line between two tables.
fn watch(
    watcher: &mut Watcher,
    first: Look,
    form: &Form<'_>,
    every: Duration,
    stop: &Stop,
) -> Result<(), Fault> {
    let in_place = io::stdout().is_terminal() && form.args.output.format() == Format::Table;
    let mut look = first;
    let mut begin = if in_place { Screen::BEGIN } else { "" };
    while !stop.is_stopped() {
        let text = form.text(&look)?;
        output::print(&if in_place { Screen::frame(begin, &look, &text) } else { text })?;
        if stop.wait(every) {
            break;
        }
        begin = if in_place { Screen::HOME } else { "\n" };
        if !in_place && form.args.output.format() == Format::Table {
            output::print(begin)?;
        }
        look = watcher.look(stop);
    }
    if in_place {
        io::stdout().lock().write_all(Screen::END.as_bytes())?;
    }
    Ok(())
}

/// The few sequences that redraw a terminal in place.
struct Screen;

impl Screen {
    /// Hide the cursor, clear, go home.
    const BEGIN: &str = "\x1b[?25l\x1b[2J\x1b[H";
    const HOME: &str = "\x1b[H";
    /// Show the cursor again.
    const END: &str = "\x1b[?25h";

    /// A frame: time and node, then the table; the rest of each old line, and what is below, is
    /// erased, so that nothing flickers.
    fn frame(begin: &str, look: &Look, text: &str) -> String {
        let head = format!("{}  {}\n", look.who.node, look.who.at);
        let lines = (head + text).replace('\n', "\x1b[K\n");
        format!("{begin}{lines}\x1b[J")
    }
}
