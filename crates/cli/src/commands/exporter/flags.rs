//! The flags and environment variables of dcgm-exporter, so that its manifests work as they stand.
//!
//! What they mean here is in `exporter.rs`; here they are only named and read. A variable that is
//! empty counts as not set.

use std::path::PathBuf;
use std::str::FromStr;

use exporter::{Devices, Kubernetes, PodLabelAllowlist, USUAL_COLLECTORS};

use crate::fault::Fault;

/// A value that an empty variable leaves unset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Maybe<T>(Option<T>);

impl<T: FromStr> FromStr for Maybe<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

/// The value, if there is a flag with one.
pub(crate) fn given<T: Clone>(flag: &Option<Maybe<T>>) -> Option<T> {
    flag.as_ref().and_then(|flag| flag.0.clone())
}

/// Yes or no, as Go writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Yes(bool);

impl FromStr for Yes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Self(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Self(false)),
            _ => Err(format!("{text:?} is neither true nor false")),
        }
    }
}

/// A switch that may be bare, or have a value behind `=`.
pub(crate) type Switch = Maybe<Yes>;

/// Whether a switch is on, off, or not given.
pub(crate) fn on(switch: &Option<Switch>) -> Option<bool> {
    given(switch).map(|yes| yes.0)
}

/// Words with commas between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct List(Vec<String>);

impl FromStr for List {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        Ok(Self(words.map(str::to_owned).collect()))
    }
}

/// All words of a list that may be repeated; `None` if there is none.
pub(crate) fn words(lists: &[List]) -> Option<Vec<String>> {
    let words: Vec<String> = lists.iter().flat_map(|list| list.0.iter().cloned()).collect();
    (!words.is_empty()).then_some(words)
}

/// A time in seconds, or as Go writes it: `10`, `10s`, `500ms`, `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) std::time::Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no time: write 10s or 500ms");
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("", 1000)];
        let (number, millis) = units
            .iter()
            .find_map(|(unit, millis)| text.strip_suffix(unit).map(|number| (number, *millis)))
            .ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let millis = number.checked_mul(millis).ok_or_else(wrong)?;
        Ok(Self(std::time::Duration::from_millis(millis)))
    }
}

/// Which device metrics are printed, and how.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Device metrics")]
pub(crate) struct DeviceFlags {
    /// CSV file with the fields to print: `name, type, help`. Default:
    /// /etc/dcgm-exporter/default-counters.csv if it is there, else the built-in list.
    #[arg(short = 'f', long, value_name = "FILE", env = "DCGM_EXPORTER_COLLECTORS")]
    pub(super) collectors: Option<Maybe<PathBuf>>,
    /// End the start at the first fault in that file, instead of leaving the row out.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL")]
    pub(super) strict_collectors: Option<Switch>,
    /// ConfigMap with the fields to print, under its key `metrics`; it goes before the file.
    #[arg(short = 'm', long, value_name = "NAMESPACE:NAME", env = "DCGM_EXPORTER_CONFIGMAP_DATA")]
    pub(super) configmap_data: Option<Maybe<String>>,
    /// Devices to print: f (every GPU, or its instances where MIG is on), g[:LIST] (GPUs),
    /// i[:LIST] (GPU instances); LIST is ids and ranges, as 0,2-3. Default: f.
    #[arg(short = 'd', long, value_name = "SELECTOR", env = "DCGM_EXPORTER_DEVICES_STR")]
    pub(super) devices: Option<Maybe<Devices>>,
    /// Leave out the label with the host's name.
    #[arg(short = 'n', long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL", env = "DCGM_EXPORTER_NO_HOSTNAME")]
    pub(super) no_hostname: Option<Switch>,
    /// Call labels as the oldest dashboards do: uuid, pod_name, pod_namespace, container_name.
    #[arg(short = 'o', long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL",
          env = "DCGM_EXPORTER_USE_OLD_NAMESPACE")]
    pub(super) use_old_namespace: Option<Switch>,
    /// Print `-` for blanks in model names.
    #[arg(long, visible_alias = "rbmn", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL",
          env = "DCGM_EXPORTER_REPLACE_BLANKS_IN_MODEL_NAME")]
    pub(super) replace_blanks_in_model_name: Option<Switch>,
    /// Window of DCGM_EXP_XID_ERRORS_COUNT, in milliseconds. Default: 300000.
    #[arg(short = 'x', long, value_name = "MS", env = "DCGM_EXPORTER_XID_COUNT_WINDOW_SIZE")]
    pub(super) xid_count_window_size: Option<Maybe<u64>>,
    /// Window of DCGM_EXP_CLOCK_EVENTS_COUNT, in milliseconds. Default: 300000.
    #[arg(long, value_name = "MS", env = "DCGM_EXPORTER_CLOCK_EVENTS_COUNT_WINDOW_SIZE")]
    pub(super) clock_events_count_window_size: Option<Maybe<u64>>,
    /// The kernel's log, for XIDs that the driver does not report. Default: /dev/kmsg.
    #[arg(long = "path.kmsg", value_name = "FILE")]
    pub(super) kmsg: Option<PathBuf>,
}

impl DeviceFlags {
    /// These flags over other settings.
    pub(super) fn over(&self, base: exporter::Config) -> exporter::Config {
        let usual = || Some(PathBuf::from(USUAL_COLLECTORS)).filter(|path| path.exists());
        exporter::Config {
            collectors: given(&self.collectors).or(base.collectors).or_else(usual),
            strict_collectors: on(&self.strict_collectors).unwrap_or(base.strict_collectors),
            configmap_data: given(&self.configmap_data)
                .or(base.configmap_data)
                .filter(|name| name != NO_CONFIGMAP),
            devices: given(&self.devices).unwrap_or(base.devices),
            no_hostname: on(&self.no_hostname).unwrap_or(base.no_hostname),
            use_old_namespace: on(&self.use_old_namespace).unwrap_or(base.use_old_namespace),
            replace_blanks_in_model_name: on(&self.replace_blanks_in_model_name)
                .unwrap_or(base.replace_blanks_in_model_name),
            xid_count_window_ms: given(&self.xid_count_window_size)
                .unwrap_or(base.xid_count_window_ms),
            clock_events_count_window_ms: given(&self.clock_events_count_window_size)
                .unwrap_or(base.clock_events_count_window_ms),
            kernel_log: self.kmsg.clone().or(base.kernel_log),
            ..base
        }
    }
}

/// dcgm-exporter's word for no ConfigMap.
const NO_CONFIGMAP: &str = "none";

/// The node as part of a cluster.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Kubernetes")]
pub(crate) struct KubernetesFlags {
    /// Ask the kubelet which pod has which GPU, and print it.
    #[arg(short = 'k', long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL", env = "DCGM_EXPORTER_KUBERNETES")]
    pub(super) kubernetes: Option<Switch>,
    /// Print labels of pods.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_KUBERNETES_ENABLE_POD_LABELS")]
    pub(super) kubernetes_enable_pod_labels: Option<Switch>,
    /// Print uids of pods.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_KUBERNETES_ENABLE_POD_UID")]
    pub(super) kubernetes_enable_pod_uid: Option<Switch>,
    /// Print only labels of pods that one of these expressions matches. Default: all.
    #[arg(long, value_name = "LIST", env = "DCGM_EXPORTER_KUBERNETES_POD_LABEL_ALLOWLIST_REGEX")]
    pub(super) kubernetes_pod_label_allowlist_regex: Vec<List>,
    /// Form of the kubelet's device ids: uid or device-name. Both are understood without it.
    #[arg(long, value_name = "FORM", env = "DCGM_EXPORTER_KUBERNETES_GPU_ID_TYPE")]
    pub(super) kubernetes_gpu_id_type: Option<Maybe<GpuIdType>>,
    /// Later; a shared GPU is printed once, and its holders as gpu_allocation_*.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "KUBERNETES_VIRTUAL_GPUS")]
    pub(super) kubernetes_virtual_gpus: Option<Switch>,
    /// Accepted; claims of DRA are followed without it.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "KUBERNETES_ENABLE_DRA")]
    pub(super) kubernetes_enable_dra: Option<Switch>,
    /// Socket of the kubelet. Default: /var/lib/kubelet/pod-resources/kubelet.sock.
    #[arg(long, value_name = "PATH", env = "DCGM_POD_RESOURCES_KUBELET_SOCKET")]
    pub(super) pod_resources_kubelet_socket: Option<Maybe<PathBuf>>,
    /// Names of device resources besides nvidia.com/*.
    #[arg(long, value_name = "LIST", env = "NVIDIA_RESOURCE_NAMES")]
    pub(super) nvidia_resource_names: Vec<List>,
    /// Folder in which a batch system writes the jobs of each GPU.
    #[arg(long, value_name = "DIR", env = "DCGM_HPC_JOB_MAPPING_DIR")]
    pub(super) hpc_job_mapping_dir: Option<Maybe<PathBuf>>,
}

impl KubernetesFlags {
    /// These flags over other settings. Without `--kubernetes` the rest of them waits.
    pub(super) fn over(&self, base: exporter::Config) -> Result<exporter::Config, Fault> {
        if on(&self.kubernetes_virtual_gpus) == Some(true) {
            tracing::info!("kubernetes-virtual-gpus comes later: a shared GPU is printed once");
        }
        let wanted = on(&self.kubernetes).unwrap_or(base.kubernetes.is_some());
        let kubernetes = match wanted {
            true => Some(self.kubernetes_over(base.kubernetes.unwrap_or_default())?),
            false => None,
        };
        Ok(exporter::Config {
            kubernetes,
            hpc_job_mapping_dir: given(&self.hpc_job_mapping_dir).or(base.hpc_job_mapping_dir),
            ..base
        })
    }

    fn kubernetes_over(&self, base: Kubernetes) -> Result<Kubernetes, Fault> {
        let allowed = match words(&self.kubernetes_pod_label_allowlist_regex) {
            Some(words) => PodLabelAllowlist::try_from(words).map_err(Fault::usage)?,
            None => base.pod_label_allowlist,
        };
        let names = words(&self.nvidia_resource_names);
        Ok(with_environment(Kubernetes {
            socket: given(&self.pod_resources_kubelet_socket).unwrap_or(base.socket),
            resource_names: names.unwrap_or(base.resource_names),
            pod_labels: on(&self.kubernetes_enable_pod_labels).unwrap_or(base.pod_labels),
            pod_label_allowlist: allowed,
            pod_uid: on(&self.kubernetes_enable_pod_uid).unwrap_or(base.pod_uid),
            ..base
        }))
    }
}

/// Where the node is, by the environment where the settings do not say it.
pub(crate) fn with_environment(base: Kubernetes) -> Kubernetes {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    Kubernetes {
        node_name: base.node_name.or_else(|| variable("NODE_NAME")),
        node_ip: base.node_ip.or_else(|| variable("NODE_IP").and_then(|ip| ip.parse().ok())),
        kubeconfig: base.kubeconfig.or_else(|| variable("KUBECONFIG").map(PathBuf::from)),
        ..base
    }
}

/// The forms of device ids that dcgm-exporter tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GpuIdType;

impl FromStr for GpuIdType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "uid" | "device-name" => Ok(Self),
            _ => Err(format!("{text:?} is no form of ids: uid or device-name")),
        }
    }
}

/// Flags that are taken so that manifests work, and do nothing yet or never.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Accepted for the sake of manifests")]
pub(crate) struct LaterFlags {
    /// Later; DCGM's host engine. NVML is read instead.
    #[arg(short = 'r', long, num_args = 0..=1, default_missing_value = "localhost:5555",
          value_name = "HOST:PORT", env = "DCGM_REMOTE_HOSTENGINE_INFO")]
    remote_hostengine_info: Option<Maybe<String>>,
    /// Later; a socket that systemd opened. --listen counts.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_SYSTEMD_SOCKET")]
    web_systemd_socket: Option<Switch>,
    /// Later; NVSwitches and their links.
    #[arg(short = 's', long, value_name = "SELECTOR", env = "DCGM_EXPORTER_OTHER_DEVICES_STR")]
    switch_devices: Option<Maybe<OtherDevices>>,
    /// Later; Grace CPUs and their cores.
    #[arg(short = 'p', long, value_name = "SELECTOR", env = "DCGM_EXPORTER_CPU_DEVICES_STR")]
    cpu_devices: Option<Maybe<OtherDevices>>,
    /// Later; the log of DCGM.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_ENABLE_DCGM_LOG")]
    enable_dcgm_log: Option<Switch>,
    /// Later; how much of it.
    #[arg(long, value_name = "LEVEL", env = "DCGM_EXPORTER_DCGM_LOG_LEVEL")]
    dcgm_log_level: Option<Maybe<String>>,
    /// Accepted; added and removed GPUs are always followed.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_ENABLE_GPU_BIND_UNBIND_WATCH")]
    enable_gpu_bind_unbind_watch: Option<Switch>,
    /// Accepted; see there.
    #[arg(long, value_name = "DURATION", env = "DCGM_EXPORTER_GPU_BIND_UNBIND_POLL_INTERVAL")]
    gpu_bind_unbind_poll_interval: Option<Maybe<Span>>,
    /// No effect; a simulated machine is asked for with --sim alone.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_USE_FAKE_GPUS")]
    fake_gpus: Option<Switch>,
    /// No effect; nothing about the driver ends the start.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DISABLE_STARTUP_VALIDATE")]
    disable_startup_validate: Option<Switch>,
    /// No effect.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_ENABLE_PPROF")]
    enable_pprof: Option<Switch>,
    /// No effect.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_DUMP_ENABLED")]
    dump_enabled: Option<Switch>,
    /// No effect.
    #[arg(long, value_name = "DIR", env = "DCGM_EXPORTER_DUMP_DIRECTORY")]
    dump_directory: Option<Maybe<PathBuf>>,
    /// No effect.
    #[arg(long, value_name = "HOURS", env = "DCGM_EXPORTER_DUMP_RETENTION")]
    dump_retention: Option<Maybe<String>>,
    /// No effect.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_DUMP_COMPRESSION")]
    dump_compression: Option<Switch>,
}

/// A selector of what only DCGM shows: a letter, and a list of ids behind a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherDevices;

impl FromStr for OtherDevices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (letter, list) = text.split_once(':').map_or((text, None), |(l, list)| (l, Some(list)));
        let known = ["f", "g", "i", "s", "l", "c"].contains(&letter);
        // The list is that of GPUs; only the letters differ.
        let listed = list.is_none_or(|list| format!("g:{list}").parse::<Devices>().is_ok());
        if known && listed && !(letter == "f" && list.is_some()) {
            Ok(Self)
        } else {
            Err(format!("{text:?} selects nothing: write f, or a letter and ids, as s:0,2-3"))
        }
    }
}

impl LaterFlags {
    /// One line for each flag that changes nothing.
    pub(super) fn tell(&self) {
        let mut told = Vec::new();
        let mut tell = |is_given: bool, flag: &'static str, why: &'static str| {
            if is_given {
                told.push((flag, why));
            }
        };
        let later = "needs DCGM, which comes later; NVML is read";
        tell(given(&self.remote_hostengine_info).is_some(), "remote-hostengine-info", later);
        let socket = on(&self.web_systemd_socket) == Some(true);
        tell(socket, "web-systemd-socket", "comes later; the address of --listen is used");
        tell(given(&self.switch_devices).is_some(), "switch-devices", later);
        tell(given(&self.cpu_devices).is_some(), "cpu-devices", later);
        tell(on(&self.enable_dcgm_log) == Some(true), "enable-dcgm-log", later);
        tell(given(&self.dcgm_log_level).is_some(), "dcgm-log-level", later);
        let always = "added and removed GPUs are always followed";
        let watch = on(&self.enable_gpu_bind_unbind_watch) == Some(true);
        tell(watch, "enable-gpu-bind-unbind-watch", always);
        let poll = given(&self.gpu_bind_unbind_poll_interval).is_some();
        tell(poll, "gpu-bind-unbind-poll-interval", always);
        tell(on(&self.fake_gpus) == Some(true), "fake-gpus", "no GPU is made up; see --sim");
        let none = "has no effect here";
        tell(on(&self.disable_startup_validate) == Some(true), "disable-startup-validate", none);
        tell(on(&self.enable_pprof) == Some(true), "enable-pprof", none);
        let dump = on(&self.dump_enabled) == Some(true)
            || on(&self.dump_compression) == Some(true)
            || given(&self.dump_directory).is_some()
            || given(&self.dump_retention).is_some();
        tell(dump, "dump-*", none);
        for (flag, why) in told {
            tracing::info!(flag, "flag of dcgm-exporter accepted: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_written_as_go_writes_them() {
        let read = |text: &str| text.parse::<Maybe<Yes>>().map(|yes| yes.0.map(|yes| yes.0));
        assert_eq!(read("1"), Ok(Some(true)));
        assert_eq!(read("F"), Ok(Some(false)));
        assert_eq!(read(""), Ok(None));
        assert!(read("yes").is_err());
    }

    #[test]
    fn lists_are_split_at_commas_and_may_be_repeated() {
        let lists: Vec<List> = ["a, b", "", "c"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(words(&lists), Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
        assert_eq!(words(&[List::default()]), None);
    }

    #[test]
    fn times_have_gos_units_and_seconds_without() {
        let millis = |text: &str| text.parse::<Span>().map(|span| span.0.as_millis()).ok();
        assert_eq!(
            ["10", "10s", "500ms", "2m"].map(millis),
            [10_000, 10_000, 500, 120_000].map(Some)
        );
        assert_eq!(["", "s", "-1s", "1d"].map(millis), [None; 4]);
    }

    #[test]
    fn selectors_for_dcgm_are_checked_though_nothing_is_done_with_them() {
        for text in ["f", "s", "s:0-3", "l:1,2", "c:0"] {
            assert!(text.parse::<OtherDevices>().is_ok(), "{text}");
        }
        for text in ["f:1", "z", "s:", "s:3-1", ""] {
            assert!(text.parse::<OtherDevices>().is_err(), "{text}");
        }
    }
}
