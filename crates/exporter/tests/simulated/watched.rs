//! A node over a simulated machine whose clock stands until it is told to move.

use std::sync::Arc;
use std::time::Duration;

use exporter::holders::Sources;
use exporter::{Config, Machine, Node, Snapshot, StateUse};
use host::Host;
use model::Clock;
use sim::{Scenario, SimClock, Simulation, World};

/// An event that the world has had is told by then.
const EVENTS_WITHIN: Duration = Duration::from_millis(300);

/// A watched machine.
pub(crate) struct Watched {
    /// The node.
    pub(crate) node: Node,
    clock: Arc<SimClock>,
}

/// The machine of a scenario at that age of its world.
pub(crate) fn machine(scenario: &str, age: Duration) -> (Machine, Arc<SimClock>) {
    let scenario = Scenario::load(scenario).unwrap();
    let clock = Arc::new(SimClock::manual(age));
    let world = Arc::new(World::new(&scenario));
    let simulation = Simulation::start(world, None, Arc::clone(&clock)).unwrap();
    let machine = Machine {
        open_driver: simulation.driver_opener(),
        smi: None,
        host: Host::new(simulation.procfs(), simulation.sysfs()),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        hostname: Some(simulation.hostname().to_owned()),
        before_tick: Some(Box::new(move |_| simulation.refresh().unwrap())),
        simulated: true,
        told: None,
    };
    (machine, clock)
}

/// Settings that wait for every answer, however busy the machine is that runs the test.
pub(crate) fn patient() -> Config {
    Config { patience_ms: 60_000, ..Config::default() }
}

impl Watched {
    /// Watch a scenario from that age of its world on.
    pub(crate) fn new(scenario: &str, age: Duration) -> Self {
        Self::with(scenario, age, &patient(), &StateUse::None)
    }

    /// The same with settings and a state file.
    pub(crate) fn with(scenario: &str, age: Duration, config: &Config, state: &StateUse) -> Self {
        let (machine, clock) = machine(scenario, age);
        Self::over(machine, clock, config, state)
    }

    /// The same over a machine that was made before.
    pub(crate) fn over(
        machine: Machine,
        clock: Arc<SimClock>,
        config: &Config,
        state: &StateUse,
    ) -> Self {
        Self { node: Node::new(config, machine, state), clock }
    }

    /// A node that follows these sources of who holds what.
    pub(crate) fn holding(scenario: &str, config: &Config, sources: Sources) -> Self {
        let (machine, clock) = machine(scenario, Duration::from_secs(900));
        let node = Node::new(config, machine, &StateUse::None).with_sources(config, sources);
        Self { node, clock }
    }

    /// Watch for that long, a pass each second.
    pub(crate) fn run(&mut self, span: Duration) -> Arc<Snapshot> {
        self.node.tick(self.clock.now());
        for _ in 1..span.as_secs() {
            self.step();
        }
        // Events come on a thread of their own, in the machine's time.
        std::thread::sleep(EVENTS_WITHIN);
        self.step()
    }

    /// One second on, and a pass.
    pub(crate) fn step(&mut self) -> Arc<Snapshot> {
        self.clock.advance(Duration::from_secs(1)).unwrap();
        self.node.tick(self.clock.now())
    }
}
