//! Who holds which GPU, for the commands that look at a machine: the kubelet is asked where it is,
//! and job files where they are named.
//!
//! `gpulse exporter` has flags of its own, which are dcgm-exporter's.

use std::path::PathBuf;

use crate::commands::exporter::flags::{List, Maybe, Switch, given, on, with_environment, words};

/// The options.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Holders")]
pub(crate) struct HolderArgs {
    /// Ask the kubelet which pod has which GPU. Default: where its socket is there, and never on a
    /// simulated machine.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL")]
    kubernetes: Option<Switch>,
    /// Socket of the kubelet. Default: /var/lib/kubelet/pod-resources/kubelet.sock.
    #[arg(long, value_name = "PATH", env = "DCGM_POD_RESOURCES_KUBELET_SOCKET")]
    pod_resources_kubelet_socket: Option<Maybe<PathBuf>>,
    /// Names of device resources besides nvidia.com/*.
    #[arg(long, value_name = "LIST", env = "NVIDIA_RESOURCE_NAMES")]
    nvidia_resource_names: Vec<List>,
    /// Folder in which a batch system writes the jobs of each GPU.
    #[arg(long, value_name = "DIR", env = "DCGM_HPC_JOB_MAPPING_DIR")]
    hpc_job_mapping_dir: Option<Maybe<PathBuf>>,
}

impl HolderArgs {
    /// These flags over other settings, for a machine that is real or not.
    pub(crate) fn over(&self, base: exporter::Config, simulated: bool) -> exporter::Config {
        let section = base.kubernetes.clone().unwrap_or_default();
        let section = exporter::Kubernetes {
            socket: given(&self.pod_resources_kubelet_socket).unwrap_or(section.socket),
            resource_names: words(&self.nvidia_resource_names).unwrap_or(section.resource_names),
            ..section
        };
        let is_there = || !simulated && section.socket.exists();
        let wanted =
            on(&self.kubernetes).unwrap_or_else(|| base.kubernetes.is_some() || is_there());
        exporter::Config {
            kubernetes: wanted.then(|| with_environment(section)),
            hpc_job_mapping_dir: given(&self.hpc_job_mapping_dir).or(base.hpc_job_mapping_dir),
            ..base
        }
    }
}
