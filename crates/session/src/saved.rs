//! What outlives a restart: written by the role every few seconds and at its stop.

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// The engine's memory as a value for a state file. Its inside is the engine's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedState {
    /// Format of this value; another one is not read.
    pub(crate) version: u32,
    /// When it was made.
    pub(crate) at: Timestamp,
}
