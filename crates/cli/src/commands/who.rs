//! `gpulse who`: who is on which GPU of this machine, or of a server's fleet.

mod screen;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use exporter::{Node, STATE_FILE, StateUse};
use model::Stop;
use model::text::Writer;

use crate::fault::Fault;
use crate::holders::HolderArgs;
use crate::language::Language;
use crate::machine::{MachineArgs, Opened, StateArgs};
use crate::moment;
use crate::output::{self, Format, OutputArgs};
use crate::remote::{Server, TokenArgs};
use crate::who::{self, Look, Message, Watcher, WhoColumn};

pub(crate) use crate::who::SCHEMA_VERSION;

/// Show who is on which GPU of this machine, or of a server's fleet.
///
/// One line per process and device; a GPU that nobody is on is shown as idle. MIG devices stand
/// beside whole GPUs, named GPU_DEVICE_INSTANCE (0_1_0). Use is the SM time of the newest seconds
/// that the driver holds. States: starting (no use yet, first 5 min), active (used within 5 min),
/// idle, held (idle, with more than 256 MiB), stale (held for 1 h), unknown (use cannot be read).
/// States go on from the state file of a running exporter. With --server the GPUs of all nodes that
/// it knows are shown, with their node.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gpulse who                                the table
  gpulse who --watch                        again every 2 s; Ctrl-C ends
  gpulse who --json                         for programs; null is what could not be read
  gpulse who -o csv --columns gpu,user,pid,memory
  gpulse who --server gpu-db:9470           all nodes of a server
  gpulse who --sim h100x8-busy              a simulated machine, where there is no GPU")]
pub(crate) struct Args {
    /// Show it again and again, every 2 s or as often as told: --watch=10s.
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        value_parser = between_looks,
    )]
    watch: Option<Duration>,
    /// Ask this server instead of looking at this machine: a URL, or HOST:PORT.
    #[arg(long, value_name = "URL", conflicts_with_all = ["simulation", "config", "state"])]
    server: Option<String>,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    holders: HolderArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    state: StateArgs,
}

/// Shortest time between two looks: each asks the driver for everything.
const SHORTEST_WATCH: Duration = Duration::from_millis(200);
/// A look that takes longer says what it waits for.
const PATIENCE: Duration = Duration::from_secs(2);

fn between_looks(text: &str) -> Result<Duration, String> {
    let span = moment::read(text)?;
    if span < SHORTEST_WATCH {
        return Err("each look asks the driver for everything: 200ms is the shortest".to_owned());
    }
    Ok(span)
}

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let columns = columns(args)?;
    let language = Language::of_environment();
    let (mut watched, simulated) = match &args.server {
        Some(url) => (Watched::Fleet(Server::new(url, &args.token)?), None),
        None => {
            let (watcher, simulated) = watcher(args)?;
            (Watched::Machine(Box::new(watcher)), simulated)
        }
    };
    let form = Form { args, columns, language, simulated };
    let stop = crate::signals::stop_on_signal()?;
    let look = watched.first_look(language, &stop)?;
    match args.watch {
        Some(every) => watch(&mut watched, look, &form, every, &stop)?,
        None => {
            form.notes(&look).iter().for_each(|note| output::say(note));
            output::print(&form.text(&look)?)?;
        }
    }
    Ok(0)
}

/// What is looked at.
enum Watched {
    Machine(Box<Watcher>),
    Fleet(Server),
}

impl Watched {
    /// A look that says what it waits for if it takes its time.
    fn first_look(&mut self, language: Language, stop: &Stop) -> Result<Look, Fault> {
        let waiting = match self {
            Self::Machine(_) => Message::WaitingForDriver,
            Self::Fleet(server) => Message::WaitingForServer(server.url().to_owned()),
        };
        let done = Stop::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if !done.wait(PATIENCE) && !stop.is_stopped() {
                    output::say(&waiting.text(language));
                }
            });
            let look = self.look(stop);
            done.stop();
            look
        })
    }

    fn look(&mut self, stop: &Stop) -> Result<Look, Fault> {
        match self {
            Self::Machine(watcher) => Ok(watcher.look(stop)),
            Self::Fleet(server) => who::look_at_server(server),
        }
    }
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
    let config = args.holders.over(config, machine.simulated);
    let node = Node::new(&config, machine, &state).with_own_sources(&config);
    Ok((Watcher::new(node, has_history, starting_for), simulated))
}

fn columns(args: &Args) -> Result<Vec<&'static WhoColumn>, Fault> {
    let format = args.output.format();
    let has_columns = matches!(format, Format::Table | Format::Csv);
    if !args.output.columns.is_empty() && !has_columns {
        return Err(Fault::usage(anyhow::anyhow!("--columns is for the forms table and csv")));
    }
    if args.server.is_some() && format == Format::Prom {
        let problem = "-o prom is of this machine: ask a server with gpulse query -o prom";
        return Err(Fault::usage(anyhow::anyhow!(problem)));
    }
    if args.server.is_some()
        && args.output.columns.is_empty()
        && !args.output.wide
        && format == Format::Table
    {
        return Ok(who::usual_of_fleet());
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
                let sentence = look.no_gpu.as_ref().map(|no_gpu| no_gpu.sentence(self.language));
                format!("{}\n", sentence.unwrap_or_default())
            }
            Format::Table => {
                let table = who::table(&look.who, &self.columns, self.language, output.look());
                table + &who::findings(&look.who, self.language)
            }
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
                notes.push(no_gpu.sentence(self.language));
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
    watched: &mut Watched,
    first: Look,
    form: &Form<'_>,
    every: Duration,
    stop: &Stop,
) -> Result<(), Fault> {
    let is_table = form.args.output.format() == Format::Table;
    if is_table && io::stdout().is_terminal() {
        return watch_in_place(watched, first, form, every, stop);
    }
    form.notes(&first).iter().for_each(|note| output::say(note));
    output::print(&form.text(&first)?)?;
    while !stop.wait(every) {
        let look = watched.look(stop)?;
        if stop.is_stopped() {
            break;
        }
        let between = if is_table { "\n" } else { "" };
        output::print(&format!("{between}{}", form.text(&look)?))?;
    }
    Ok(())
}

fn watch_in_place(
    watched: &mut Watched,
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
            break drawn.map_err(Fault::from);
        }
        match watched.look(stop) {
            Ok(next) => look = next,
            Err(fault) => break Err(fault),
        }
    };
    // The cursor comes back whatever ended the watch.
    output::print(screen::END)?;
    ended
}
