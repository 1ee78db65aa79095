//! The states of sessions and devices, and the rule that tells a session's state.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// The state of a session at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// No use since its start, and young.
    Starting,
    /// Used within the last minutes.
    Active,
    /// Neither of the two, with little memory.
    Idle,
    /// As idle, with much memory.
    Held,
    /// Held for long.
    Stale,
    /// Not active, and its use could not be read in part of the last minutes.
    Unknown,
    /// Its end is known.
    Ended,
}

impl SessionState {
    /// As printed in the label `state`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Held => "held",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
            Self::Ended => "ended",
        }
    }

    /// The state under which a device's second is booked for it; ended sessions have none.
    #[must_use]
    pub const fn booked(self) -> Option<DeviceState> {
        match self {
            Self::Starting => Some(DeviceState::Starting),
            Self::Active => Some(DeviceState::Active),
            Self::Idle => Some(DeviceState::Idle),
            Self::Held => Some(DeviceState::Held),
            Self::Stale => Some(DeviceState::Stale),
            Self::Unknown => Some(DeviceState::Unknown),
            Self::Ended => None,
        }
    }
}

/// The state under which a part of a device's second is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the state it is named after")]
pub enum DeviceState {
    Free,
    Allocated,
    Starting,
    Active,
    Idle,
    Held,
    Stale,
    Unknown,
    Down,
}

impl DeviceState {
    /// All of them, in the order of printing; a state's place is its index in counters.
    pub const ALL: [Self; 9] = [
        Self::Free,
        Self::Allocated,
        Self::Starting,
        Self::Active,
        Self::Idle,
        Self::Held,
        Self::Stale,
        Self::Unknown,
        Self::Down,
    ];

    /// A stretch of which all is in this state.
    pub(crate) fn whole(self, micros: u64) -> [u64; Self::ALL.len()] {
        let mut parts = [0; Self::ALL.len()];
        parts[self as usize] = micros;
        parts
    }

    /// As printed in the label `state`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Allocated => "allocated",
            Self::Starting => "starting",
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Held => "held",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
            Self::Down => "down",
        }
    }
}

/// What is known of a session's use up to some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// The newest moment of use.
    pub(crate) last_use: Option<Timestamp>,
    /// The newest moment at which use could not be told.
    pub(crate) last_unknown: Option<Timestamp>,
    /// Nobody watched before this moment although the session may have been there.
    pub(crate) unwatched_until: Option<Timestamp>,
    /// Since when it is held without a break.
    pub(crate) held_since: Option<Timestamp>,
}

impl Watch {
    /// There was use at that moment.
    pub(crate) fn used(&mut self, at: Timestamp) {
        self.last_use = self.last_use.max(Some(at));
    }

    /// Use could not be told at that moment.
    pub(crate) fn untold(&mut self, at: Timestamp) {
        self.last_unknown = self.last_unknown.max(Some(at));
    }

    /// The state at `at`; keeps `held_since` up to date on the way.
    pub(crate) fn state(
        &mut self,
        at: Timestamp,
        subject: &Subject,
        config: &Config,
    ) -> SessionState {
        let state = self.rule(at, subject, config);
        match state {
            SessionState::Held | SessionState::Stale => {
                self.held_since.get_or_insert(at);
            }
            _ => self.held_since = None,
        }
        state
    }

    fn rule(&self, at: Timestamp, subject: &Subject, config: &Config) -> SessionState {
        let recent = |moment: Option<Timestamp>| {
            moment.is_some_and(|moment| at.since(moment) < config.idle_after)
        };
        let untold = recent(self.last_unknown);
        let young = at.since(subject.started) < config.starting_for;
        if recent(self.last_use) {
            SessionState::Active
        } else if self.last_use.is_none() && young && !untold {
            SessionState::Starting
        } else if untold || recent(self.unwatched_until) {
            SessionState::Unknown
        } else if subject.memory_bytes.is_none_or(|bytes| bytes <= config.held_over_bytes) {
            SessionState::Idle
        } else if self.held_since.is_some_and(|since| at.since(since) >= config.stale_after) {
            SessionState::Stale
        } else {
            SessionState::Held
        }
    }

    /// Bring moments that a clock stepping back left in the future to `now`.
    pub(crate) fn clamp(&mut self, now: Timestamp) {
        let fields = [
            &mut self.last_use,
            &mut self.last_unknown,
            &mut self.unwatched_until,
            &mut self.held_since,
        ];
        for moment in fields {
            *moment = moment.map(|moment| moment.min(now));
        }
    }
}

/// What besides its use decides a session's state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) started: Timestamp,
    pub(crate) memory_bytes: Option<u64>,
}

#[cfg(test)]
mod tests;
