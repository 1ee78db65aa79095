//! The check of the kubelet: it is asked once, as the exporter asks it.

use std::path::Path;

use cluster::pod_resources::{Config, ask_once};

use super::{Evidence, Finding};

/// Where Kubernetes puts a pod's service account: the sign of being in one.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

pub(super) fn probe(evidence: &Evidence<'_>) -> Finding {
    let socket = evidence.kubelet;
    if !socket.exists() {
        let said = format!("{} does not exist", socket.display());
        let is_in_pod = Path::new(SERVICE_ACCOUNT).exists();
        return if is_in_pod { Finding::warn(said) } else { Finding::none(said) };
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return Finding::warn(format!("it cannot be asked: {cause}")),
    };
    let config = Config { socket: socket.to_owned(), resource_names: Vec::new() };
    match runtime.block_on(ask_once(&config)) {
        Ok(answer) => Finding::ok(format!("it answers: {} device ids in use", answer.grants.len())),
        Err(fault) => Finding::warn(fault.reason).with_remedy(&fault.remedy),
    }
}
