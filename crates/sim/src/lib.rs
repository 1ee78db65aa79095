//! The simulated world: scenarios, clock, GPU models, MIG, faults, and two doors into it.
//!
//! [`SimDriver`] is the door that speaks NVML, [`HostTree`] the one that looks like a host's
//! `/proc`. Behind them is [`World`], a pure function of (scenario, seed, time). Nothing here is
//! used by gpulse unless simulation was asked for by name.

mod assignments;
pub mod capture;
pub mod clock;
pub mod driver;
pub mod fleet;
pub mod host_tree;
mod machine;
pub mod mig;
mod noise;
pub mod product;
pub mod scenario;
mod simulation;
pub mod smi;
pub mod wave;
pub mod world;

pub use assignments::Tenancy;
pub use clock::{ClockError, Pace, SimClock};
pub use driver::SimDriver;
pub use fleet::Fleet;
pub use host_tree::{HostTree, HostTreeError};
pub use machine::Machine;
pub use scenario::{Scenario, ScenarioError};
pub use simulation::{Simulation, SimulationError, simulate, simulate_node};
pub use world::World;
