//! The library's own state: how often it was initialised, and the world behind it.
//!
//! The world and its clock are made once per process and kept over shutdowns: a program that
//! initialises for each look must not see time begin anew. The driver in front of them lives from
//! the first init to the last shutdown, and its handles with it.

use std::env;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use gpu::nvml::{Driver as _, Result, Return};
use sim::{Scenario, SimClock, SimDriver, World};

/// Name or file of the scenario.
const SCENARIO: &str = "NVML_SIM_SCENARIO";
/// Name or number of the node.
const NODE: &str = "NVML_SIM_NODE";
/// The clock file.
const CLOCK: &str = "NVML_SIM_CLOCK";

static LIBRARY: RwLock<Library> = RwLock::new(Library { inits: 0, driver: None, machine: None });

struct Library {
    /// Inits without their shutdown.
    inits: u32,
    driver: Option<Arc<SimDriver>>,
    machine: Option<Machine>,
}

/// What outlives a shutdown.
struct Machine {
    world: Arc<World>,
    node: usize,
    clock: Arc<SimClock>,
}

/// The driver, while the library is initialised. The lock is not held during a call: one that
/// hangs must not keep others from asking, nor `nvmlShutdown`.
pub(crate) fn driver() -> Result<Arc<SimDriver>> {
    let library = LIBRARY.read().unwrap_or_else(PoisonError::into_inner);
    library.driver.clone().ok_or(Return::UNINITIALIZED)
}

/// One init more; the first makes the driver. Without GPUs it fails unless `no_gpus` allows it.
pub(crate) fn init(no_gpus: bool) -> Result<()> {
    let mut library = LIBRARY.write().unwrap_or_else(PoisonError::into_inner);
    if library.inits == 0 {
        let driver = library.make_driver()?;
        driver.init()?;
        if !no_gpus && driver.device_count() == Ok(0) {
            driver.shutdown()?;
            return Err(Return::GPU_NOT_FOUND);
        }
        library.driver = Some(Arc::new(driver));
    }
    library.inits = library.inits.checked_add(1).ok_or(Return::UNKNOWN)?;
    Ok(())
}

/// One init less; the last lets the driver go.
pub(crate) fn shutdown() -> Result<()> {
    let mut library = LIBRARY.write().unwrap_or_else(PoisonError::into_inner);
    library.inits = library.inits.checked_sub(1).ok_or(Return::UNINITIALIZED)?;
    match library.inits {
        0 => library.driver.take().map_or(Ok(()), |driver| driver.shutdown()),
        _ => Ok(()),
    }
}

impl Library {
    fn make_driver(&mut self) -> Result<SimDriver> {
        let machine = match &self.machine {
            Some(machine) => machine,
            None => self.machine.insert(Machine::from_environment()?),
        };
        Ok(SimDriver::new(Arc::clone(&machine.world), machine.node, Arc::clone(&machine.clock)))
    }
}

impl Machine {
    /// From the three variables. The C ABI has a number for an answer; why a world could not be
    /// made is for a person, so it goes to stderr.
    fn from_environment() -> Result<Self> {
        let scenario = variable(SCENARIO).ok_or(Return::DRIVER_NOT_LOADED)?;
        Self::make(&scenario).map_err(|reason| {
            #[expect(clippy::print_stderr, reason = "a C library has no other way to say why")]
            {
                eprintln!("simulated NVML: {}", chain(&reason));
            }
            Return::DRIVER_NOT_LOADED
        })
    }

    fn make(scenario: &str) -> std::result::Result<Self, MachineError> {
        let scenario = Scenario::load(scenario)?;
        let world = World::new(&scenario);
        let node = node(&world, variable(NODE).as_deref())?;
        let (pace, age) = (scenario.pace(), scenario.age());
        let clock = match variable(CLOCK) {
            Some(file) => SimClock::open_or_create(Path::new(&file), pace, age)?,
            None => SimClock::in_memory(pace, age),
        };
        Ok(Self { world: Arc::new(world), node, clock: Arc::new(clock) })
    }
}

/// Why there is no simulated machine.
#[derive(Debug, thiserror::Error)]
enum MachineError {
    #[error(transparent)]
    Scenario(#[from] sim::ScenarioError),
    #[error(transparent)]
    Clock(#[from] sim::ClockError),
    #[error("{NODE}: the scenario has no node `{name}`; there are: {}", known.join(", "))]
    Node { name: String, known: Vec<String> },
}

/// The node of that name or number; the first where none is named.
fn node(world: &World, wanted: Option<&str>) -> std::result::Result<usize, MachineError> {
    let Some(name) = wanted else { return Ok(0) };
    let number = || name.parse().ok().filter(|&number: &usize| number < world.nodes().len());
    world.node_named(name).or_else(number).ok_or_else(|| MachineError::Node {
        name: name.to_owned(),
        known: world.nodes().iter().map(|node| node.name.clone()).collect(),
    })
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
