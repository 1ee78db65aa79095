//! The engine.

use model::Timestamp;
use model::observation::DeviceObservation;
use model::process::Lookup;

use crate::config::Config;
use crate::identity::Identity;
use crate::saved::SavedState;
use crate::view::View;

/// Folds observations into sessions.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    identity: Identity,
    at: Timestamp,
}

impl Engine {
    /// Go on from a saved state, or begin anew.
    #[must_use]
    pub fn new(config: Config, identity: Identity, saved: Option<SavedState>, now: Timestamp) -> Self {
        let _ = saved;
        Self { config, identity, at: now }
    }

    /// Take in one pass. `lookup` reads a process; it is asked for new processes, for those that
    /// left the list, and for each live one every few seconds.
    pub fn observe(
        &mut self,
        now: Timestamp,
        observations: &[DeviceObservation],
        lookup: &mut dyn FnMut(u32) -> Lookup,
    ) {
        let _ = (observations, lookup);
        self.at = now;
    }

    /// A page was read (or pushed, or written): ended sessions stay long enough for the next time.
    pub fn scraped(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            at: self.at,
            hostname: self.identity.hostname.clone(),
            counted: !self.config.sampled,
            ..View::default()
        }
    }

    /// The state while running: what is read back from it begins a new run.
    #[must_use]
    pub fn save(&self) -> SavedState {
        SavedState { version: 1, at: self.at }
    }

    /// The state at a clean stop: the run goes on from it. Nothing may be shown after this.
    #[must_use]
    pub fn stop(self) -> SavedState {
        self.save()
    }
}
