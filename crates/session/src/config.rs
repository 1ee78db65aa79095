//! Every threshold and bound of sessions, with its default.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What decides states, bookings and bounds. The defaults run everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A session without use for that long is no longer active.
    #[serde(with = "crate::span")]
    pub idle_after: Duration,
    /// A session without any use since its start is `starting` until it is that old.
    #[serde(with = "crate::span")]
    pub starting_for: Duration,
    /// An idle session with more device memory than this, in bytes, is `held`.
    pub held_over_bytes: u64,
    /// A session held for that long is `stale`.
    #[serde(with = "crate::span")]
    pub stale_after: Duration,
    /// A process that lives on but left the device keeps its session open for that long.
    #[serde(with = "crate::span")]
    pub left_grace: Duration,
    /// A second is booked that long after it passed: the driver's samples come late.
    #[serde(with = "crate::span")]
    pub close_after: Duration,
    /// Time between two observations that is longer than this was not observed.
    #[serde(with = "crate::span")]
    pub longest_gap: Duration,
    /// After a pause of ours up to this long the driver's own buffer still tells the use in it.
    #[serde(with = "crate::span")]
    pub buffer_holds: Duration,
    /// How often a process's state, CPU time and program are read again.
    #[serde(with = "crate::span")]
    pub check_every: Duration,
    /// Ended sessions stay at least that long.
    #[serde(with = "crate::span")]
    pub ended_keep_min: Duration,
    /// Ended sessions stay at most that long.
    #[serde(with = "crate::span")]
    pub ended_keep_max: Duration,
    /// Live sessions with rows of their own; more are folded into `session="rest"`.
    pub max_live: usize,
    /// Ended sessions with rows of their own; the oldest beyond them leave early.
    pub max_ended: usize,
    /// An allocation without session for that long is a finding.
    #[serde(with = "crate::span")]
    pub no_process_after: Duration,
    /// A session outside of every allocation for that long is a finding.
    #[serde(with = "crate::span")]
    pub outside_after: Duration,
    /// Memory that nobody holds, in bytes, above which it counts as leaked.
    pub leaked_over_bytes: u64,
    /// The same for that long is a finding.
    #[serde(with = "crate::span")]
    pub leaked_after: Duration,
    /// A listed process that is dead or hangs in the kernel for that long is a finding.
    #[serde(with = "crate::span")]
    pub zombie_after: Duration,
    /// A GPU instance without compute instance for that long is a finding: it gets one a moment
    /// after it is made.
    #[serde(with = "crate::span")]
    pub no_compute_instance_after: Duration,
    /// A session that looks like hanging for that long is a finding.
    #[serde(with = "crate::span")]
    pub hang_after: Duration,
    /// Use of its device, in per cent, from which a session may hang.
    pub hang_use_percent: u32,
    /// Use that varies by that many points is no hang.
    pub hang_spread_percent: u32,
    /// Power under that many per cent of the session's own median is suspicious.
    pub hang_usual_power_percent: u32,
    /// Power under that many per cent of the idle baseline is suspicious.
    pub hang_idle_power_percent: u32,
    /// Tensor and memory activity above that many per cent is no hang.
    pub hang_pipes_percent: u32,
    /// More over PCIe, in bytes per second, is no hang.
    pub hang_pcie_bytes_per_second: u64,
    /// A finding is cleared once its cause was absent for that long.
    #[serde(with = "crate::span")]
    pub finding_clears_after: Duration,
    /// What the label `user` shows.
    pub user: UserLabel,
    /// Single looks (`collect`, `who`) instead of a steady watch: one observation stands for the
    /// time since the previous one, at most twice the usual gap, and no counters are shown.
    pub sampled: bool,
}

/// What the label `user` shows of a process's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserLabel {
    /// The name, else `uid:1000`.
    #[default]
    Name,
    /// Always `uid:1000`.
    Uid,
    /// Nothing.
    Off,
}

impl Default for Config {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            idle_after: minutes(5),
            starting_for: minutes(5),
            held_over_bytes: 256 << 20,
            stale_after: minutes(60),
            left_grace: minutes(1),
            close_after: Duration::from_secs(10),
            longest_gap: Duration::from_secs(15),
            buffer_holds: minutes(1),
            check_every: Duration::from_secs(5),
            ended_keep_min: minutes(5),
            ended_keep_max: minutes(30),
            no_process_after: minutes(5),
            outside_after: minutes(1),
            leaked_over_bytes: 512 << 20,
            leaked_after: minutes(2),
            zombie_after: minutes(2),
            no_compute_instance_after: minutes(1),
            hang_after: minutes(10),
            hang_use_percent: 98,
            hang_spread_percent: 1,
            hang_usual_power_percent: 50,
            hang_idle_power_percent: 140,
            hang_pipes_percent: 2,
            hang_pcie_bytes_per_second: 100_000_000,
            finding_clears_after: minutes(2),
            max_live: 256,
            max_ended: 128,
            user: UserLabel::Name,
            sampled: false,
        }
    }
}

impl Config {
    /// The preset `strict`: what is held for 30 minutes is stale.
    #[must_use]
    pub fn strict() -> Self {
        Self { stale_after: Duration::from_secs(30 * 60), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_reads_back_and_refuses_unknown_keys() {
        let text = serde_json::to_string(&Config::strict()).unwrap();
        assert!(text.contains(r#""stale_after":"30m""#), "{text}");
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), Config::strict());
        assert!(serde_json::from_str::<Config>(r#"{"idle_aftr":"5m"}"#).is_err());
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
    }
}
