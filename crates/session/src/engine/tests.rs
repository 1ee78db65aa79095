//! Rules of the engine, each shown by the smallest world that tells it apart.

mod bounds;
pub(crate) mod energy;
mod energy_properties;
mod evidence;
mod findings;
mod finished;
mod holding;
mod life;
mod memory;
mod properties;
mod restarts;
mod sampled;
pub(crate) mod world;
