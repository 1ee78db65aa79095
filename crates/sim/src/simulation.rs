//! Everything that `--sim` needs, in one call: driver, host tree, clock.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gpu::nvml::Driver;
use gpu::{OpenDriver, OpenError};
use model::{Clock, Stop, Timestamp};

use crate::clock::{ClockError, SimClock};
use crate::driver::SimDriver;
use crate::host_tree::{HostTree, HostTreeError};
use crate::scenario::{Scenario, ScenarioError};
use crate::world::World;

/// How often the host tree is brought up to date while it is kept.
const REFRESH: Duration = Duration::from_secs(1);

/// Why a simulation cannot start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each passes its cause on, or says what its variant is")]
pub enum SimulationError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Clock(#[from] ClockError),
    #[error(transparent)]
    HostTree(#[from] HostTreeError),
    #[error("cannot make a folder for the simulated host")]
    Folder(#[source] io::Error),
    #[error("the scenario has no node `{name}`; it has {}", known.join(", "))]
    Node { name: String, known: Vec<String> },
}

/// A running simulation of one node, in a private folder that goes with it.
#[derive(Debug)]
pub struct Simulation {
    world: Arc<World>,
    node: usize,
    clock: Arc<SimClock>,
    folder: tempfile::TempDir,
    tree: Arc<Mutex<HostTree>>,
    stop: Arc<Stop>,
    keeper: Option<std::thread::JoinHandle<()>>,
}

/// Simulate the first node of a scenario. With a clock file it shares its time with all who name
/// that file.
///
/// # Errors
/// The scenario, the clock file or the private folder cannot be used.
pub fn simulate(
    name_or_path: &str,
    clock_file: Option<&Path>,
) -> Result<Simulation, SimulationError> {
    simulate_node(name_or_path, None, clock_file)
}

/// As [`simulate`], for a node by name or number.
///
/// # Errors
/// As [`simulate`], and a node that the scenario lacks.
pub fn simulate_node(
    name_or_path: &str,
    node: Option<&str>,
    clock_file: Option<&Path>,
) -> Result<Simulation, SimulationError> {
    let scenario = Scenario::load(name_or_path)?;
    let (pace, age) = (scenario.pace(), scenario.age());
    let world = Arc::new(World::new(&scenario));
    let clock = match clock_file {
        Some(path) => SimClock::open_or_create(path, pace, age)?,
        None => SimClock::in_memory(pace, age),
    };
    Simulation::start(world, node, Arc::new(clock))
}

impl Simulation {
    /// Simulate a node of a world by a clock.
    ///
    /// # Errors
    /// As [`simulate_node`].
    pub fn start(
        world: Arc<World>,
        node: Option<&str>,
        clock: Arc<SimClock>,
    ) -> Result<Self, SimulationError> {
        let unknown = |name: &str| SimulationError::Node {
            name: name.to_owned(),
            known: world.nodes().iter().map(|node| node.name.clone()).collect(),
        };
        let node = match node {
            Some(name) => world.node_named(name).ok_or_else(|| unknown(name))?,
            None => 0,
        };
        let folder = private_folder(&world, node, &clock).map_err(SimulationError::Folder)?;
        let tree = HostTree::new(Arc::clone(&world), node, folder.path().to_path_buf());
        let tree = Arc::new(Mutex::new(tree));
        let mut simulation = Self {
            world,
            node,
            clock,
            folder,
            tree,
            stop: Arc::new(Stop::default()),
            keeper: None,
        };
        simulation.refresh()?;
        simulation.keep()?;
        Ok(simulation)
    }

    /// Keep the host tree fresh on a thread of its own, in the machine's time: it follows a manual
    /// clock as soon as that moves.
    fn keep(&mut self) -> Result<(), SimulationError> {
        let (tree, clock) = (Arc::clone(&self.tree), Arc::clone(&self.clock));
        let stop = Arc::clone(&self.stop);
        let keeper = std::thread::Builder::new().name("sim-host".to_owned()).spawn(move || {
            let mut shown = None;
            while !stop.wait(REFRESH) {
                let now = clock.now();
                if shown != Some(now) {
                    let mut tree = tree.lock().unwrap_or_else(PoisonError::into_inner);
                    // A full disk may pass: the next round writes what this one could not.
                    let _ = tree.refresh_at(now, clock.origin());
                    shown = Some(now);
                }
            }
        });
        self.keeper = Some(keeper.map_err(SimulationError::Folder)?);
        Ok(())
    }

    /// Bring the host tree to the clock's time now, for those who just moved a manual clock.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn refresh(&self) -> Result<(), HostTreeError> {
        let mut tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        tree.refresh_at(self.clock.now(), self.clock.origin())
    }

    /// The simulated driver, as often as it is asked for.
    #[must_use]
    pub fn driver_opener(&self) -> OpenDriver {
        let (world, node) = (Arc::clone(&self.world), self.node);
        let clock = Arc::clone(&self.clock);
        Box::new(move || {
            if !world.nodes()[node].has_driver() {
                return Err(OpenError::NotFound { tried: vec!["libnvidia-ml.so.1".to_owned()] });
            }
            let driver = SimDriver::new(Arc::clone(&world), node, Arc::clone(&clock));
            Ok(Arc::new(driver) as Arc<dyn Driver>)
        })
    }

    /// The world's clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    /// The world's clock, for those who move it.
    #[must_use]
    pub fn sim_clock(&self) -> &Arc<SimClock> {
        &self.clock
    }

    /// `/proc` of the simulated host.
    #[must_use]
    pub fn procfs(&self) -> PathBuf {
        self.folder.path().join("proc")
    }

    /// `/sys` of the simulated host.
    #[must_use]
    pub fn sysfs(&self) -> PathBuf {
        self.folder.path().join("sys")
    }

    /// Name of the simulated host.
    #[must_use]
    pub fn hostname(&self) -> &str {
        &self.world.nodes()[self.node].name
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The present moment of the world.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A folder that goes with the simulation: in memory where there is room, as every start and stop
/// of a process writes and removes files.
fn private_folder(world: &World, node: usize, clock: &SimClock) -> io::Result<tempfile::TempDir> {
    /// Six files of a page each and a folder, twice.
    const PROCESS_BYTES: u64 = 64 << 10;
    const MEMORY: &str = "/dev/shm";
    let processes = world.nodes()[node].in_proc(clock.look().1).len() as u64;
    let wanted = (processes + 256) * PROCESS_BYTES;
    let room = rustix::fs::statvfs(MEMORY).map_or(0, |facts| facts.f_bavail * facts.f_frsize);
    let mut builder = tempfile::Builder::new();
    builder.prefix("gpulse-sim-");
    if room >= wanted
        && let Ok(folder) = builder.tempdir_in(MEMORY)
    {
        return Ok(folder);
    }
    builder.tempdir()
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_gives_driver_host_and_clock_of_one_world() {
        let simulation = simulate("h100x8-busy", None).unwrap();
        let driver = (simulation.driver_opener())().unwrap();
        driver.init().unwrap();
        assert!(driver.is_simulated());
        let gpu = driver.device_handle_by_index(4).unwrap();
        let listed = driver.compute_processes(gpu).unwrap();
        for process in &listed {
            let stat = simulation.procfs().join(process.pid.to_string()).join("stat");
            assert!(stat.exists(), "{}", stat.display());
        }
        assert_eq!((listed.len(), simulation.hostname()), (2, "gpu-a"));
        assert!(simulation.sysfs().join("bus/pci/devices/0000:18:00.0/vendor").exists());
        let folder = simulation.procfs();
        drop(simulation);
        assert!(!folder.exists());
    }

    #[test]
    fn two_simulations_with_one_clock_file_are_at_one_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        SimClock::open_or_create(&file, crate::Pace::Manual, Duration::from_secs(60)).unwrap();
        let first = simulate("fault-zombie", Some(&file)).unwrap();
        let second = simulate("fault-zombie", Some(&file)).unwrap();
        first.sim_clock().set_age(Duration::from_secs(95)).unwrap();
        assert_eq!(first.now(), second.now());
        second.refresh().unwrap();
        assert!(!second.procfs().join("4001").exists());
    }

    #[test]
    fn a_machine_without_driver_has_no_library_either() {
        let simulation = simulate("no-gpu", None).unwrap();
        let refused = (simulation.driver_opener())().err().unwrap();
        assert!(matches!(refused, OpenError::NotFound { .. }), "{refused}");
        let unknown = simulate_node("no-gpu", Some("gpu-z"), None).unwrap_err().to_string();
        assert_eq!(unknown, "the scenario has no node `gpu-z`; it has plain");
    }
}
