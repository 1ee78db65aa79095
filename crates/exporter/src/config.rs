//! Settings of the exporter role, with the defaults that run everything.
//!
//! This is the resolved form: whoever starts the role has read flags, environment and file. Nothing
//! here opens a file or looks at the machine.

mod devices;
mod kubernetes;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use devices::{Devices, DevicesError};
pub use kubernetes::{Kubernetes, POD_RESOURCES_SOCKET, PodLabelAllowlist, PodLabelAllowlistError};

/// Settings of the exporter role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which parts of the page are printed.
    pub parts: Parts,
    /// How the label with the host's name is called.
    pub host_label: HostLabel,
    /// How often device values are read, in milliseconds. Unset: every second. Where it is given,
    /// profiling values span this time; else 15 s, so that a scrape every 15 s misses nothing.
    pub collect_interval_ms: Option<u64>,
    /// How long one pass waits for a slow GPU, in milliseconds. Its answer is taken along by a later
    /// pass, so a longer wait only makes the others' figures older.
    pub patience_ms: u64,
    /// Name of this host in labels. Unset: the host's own.
    pub hostname: Option<String>,
    /// Folder of the state file. Unset: nothing outlives the process.
    pub state_dir: Option<PathBuf>,
    /// How many scrapes may be under way at once; the excess is answered 503.
    pub max_concurrent_scrapes: usize,
    /// Thresholds of sessions.
    pub session: session::Config,
    /// The node as part of a cluster. Unset: nobody of Kubernetes is asked.
    pub kubernetes: Option<Kubernetes>,
    /// Folder with a file of job ids for each GPU, as a batch system writes them. Unset: none.
    pub hpc_job_mapping_dir: Option<PathBuf>,
    /// File with the field list. Unset: NVIDIA's usual place, else the built-in list.
    pub collectors: Option<PathBuf>,
    /// Whether a fault in the list ends the start, as it does in dcgm-exporter.
    pub strict_collectors: bool,
    /// ConfigMap with the field list, `namespace:name`, key `metrics`; it goes before the file.
    pub configmap_data: Option<String>,
    /// Of which devices metrics are printed.
    pub devices: Devices,
    /// Whether device metrics have no label with the host's name.
    pub no_hostname: bool,
    /// Whether blanks in model names are printed as `-`.
    pub replace_blanks_in_model_name: bool,
    /// Window of `DCGM_EXP_XID_ERRORS_COUNT`, in milliseconds.
    pub xid_count_window_ms: u64,
    /// Window of `DCGM_EXP_CLOCK_EVENTS_COUNT`, in milliseconds.
    pub clock_events_count_window_ms: u64,
    /// The kernel's log, for XIDs that the driver does not report. Unset: `/dev/kmsg` of a real
    /// machine, none of a simulated one.
    pub kernel_log: Option<PathBuf>,
    /// Whether labels have the names that the oldest dashboards know: `uuid`, `pod_name`,
    /// `pod_namespace`, `container_name`.
    pub use_old_namespace: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            parts: Parts::default(),
            host_label: HostLabel::default(),
            collect_interval_ms: None,
            patience_ms: 300,
            hostname: None,
            state_dir: None,
            max_concurrent_scrapes: 40,
            session: session::Config::default(),
            kubernetes: None,
            hpc_job_mapping_dir: None,
            collectors: None,
            strict_collectors: false,
            configmap_data: None,
            devices: Devices::default(),
            no_hostname: false,
            replace_blanks_in_model_name: false,
            xid_count_window_ms: WINDOW_MS,
            clock_events_count_window_ms: WINDOW_MS,
            kernel_log: None,
            use_old_namespace: false,
        }
    }
}

/// Window of the counts of events where none is given: dcgm-exporter's.
const WINDOW_MS: u64 = 300_000;

/// The fastest collection that is accepted: NVML needs 100 ms between two profiling samples.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

impl Config {
    /// Time between two readings of device values.
    #[must_use]
    pub fn collect_interval(&self) -> Duration {
        self.collect_interval_ms
            .map_or(Duration::from_secs(1), Duration::from_millis)
            .max(SHORTEST_INTERVAL)
    }

    /// Age from which a device value is no longer printed: three intervals, at least 10 s.
    #[must_use]
    pub fn longest_age(&self) -> Duration {
        longest_age(self.collect_interval())
    }
}

/// Age from which a value that is read at this interval is no longer printed.
fn longest_age(interval: Duration) -> Duration {
    interval.saturating_mul(3).max(Duration::from_secs(10))
}

/// Which parts of the page are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Parts {
    /// `gpu`: the device metrics, named as dcgm-exporter names them.
    pub gpu: bool,
    /// `sessions`: who is on which device.
    pub sessions: bool,
    /// `self`: the exporter about itself.
    pub own: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self { gpu: true, sessions: true, own: true }
    }
}

/// A name in `--parts` that stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartsError {
    /// Known, and not part of this version.
    #[error("part `{0}` is not available in this version; available: gpu, sessions, self")]
    Later(String),
    /// Not known at all.
    #[error("no part is called `{0}`; available: gpu, sessions, self")]
    Unknown(String),
    /// A page without parts.
    #[error("no part is named; available: gpu, sessions, self")]
    Empty,
}

impl FromStr for Parts {
    type Err = PartsError;

    fn from_str(list: &str) -> Result<Self, PartsError> {
        let mut parts = Self { gpu: false, sessions: false, own: false };
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "gpu" => parts.gpu = true,
                "sessions" => parts.sessions = true,
                "self" => parts.own = true,
                "node" | "cluster" => return Err(PartsError::Later(name.to_owned())),
                _ => return Err(PartsError::Unknown(name.to_owned())),
            }
        }
        if parts.gpu || parts.sessions || parts.own { Ok(parts) } else { Err(PartsError::Empty) }
    }
}

impl std::fmt::Display for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = [(self.gpu, "gpu"), (self.sessions, "sessions"), (self.own, "self")];
        let names: Vec<&str> = named.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        f.write_str(&names.join(","))
    }
}

impl TryFrom<String> for Parts {
    type Error = PartsError;

    fn try_from(list: String) -> Result<Self, PartsError> {
        list.parse()
    }
}

impl From<Parts> for String {
    fn from(parts: Parts) -> Self {
        parts.to_string()
    }
}

/// How the label with the host's name is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HostLabel {
    /// `Hostname`, as dcgm-exporter up to 4.8.2 prints it.
    #[default]
    #[serde(rename = "Hostname")]
    Classic,
    /// `hostname`, as newer ones print it.
    #[serde(rename = "hostname")]
    Lower,
    /// Both, for a time of moving dashboards.
    #[serde(rename = "both")]
    Both,
}

impl HostLabel {
    /// Label names, in the order of printing.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Classic => &["Hostname"],
            Self::Lower => &["hostname"],
            Self::Both => &["Hostname", "hostname"],
        }
    }
}

/// A name in `--host-label` that stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host label; one of Hostname, hostname, both")]
pub struct HostLabelError(String);

impl FromStr for HostLabel {
    type Err = HostLabelError;

    fn from_str(name: &str) -> Result<Self, HostLabelError> {
        match name {
            "Hostname" => Ok(Self::Classic),
            "hostname" => Ok(Self::Lower),
            "both" => Ok(Self::Both),
            _ => Err(HostLabelError(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lives_three_intervals_and_at_least_ten_seconds() {
        let with = |ms| Config { collect_interval_ms: Some(ms), ..Config::default() };
        assert_eq!(with(1000).longest_age(), Duration::from_secs(10));
        assert_eq!(with(30_000).longest_age(), Duration::from_secs(90));
        assert_eq!(with(1).collect_interval(), SHORTEST_INTERVAL);
    }

    #[test]
    fn parts_that_do_not_exist_are_named_with_those_that_do() {
        assert_eq!("gpu, self".parse::<Parts>().unwrap().to_string(), "gpu,self");
        assert_eq!("node".parse::<Parts>(), Err(PartsError::Later("node".to_owned())));
        assert_eq!("gpus".parse::<Parts>(), Err(PartsError::Unknown("gpus".to_owned())));
        assert_eq!(" , ".parse::<Parts>(), Err(PartsError::Empty));
    }

    #[test]
    fn the_host_label_has_three_forms() {
        assert_eq!("both".parse::<HostLabel>().unwrap().names(), ["Hostname", "hostname"]);
        assert_eq!(
            "HOSTNAME".parse::<HostLabel>().unwrap_err().to_string(),
            "`HOSTNAME` is no host label; one of Hostname, hostname, both"
        );
    }
}
