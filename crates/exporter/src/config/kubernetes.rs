//! Settings of the exporter on a node of a cluster: where the kubelet is asked, and which names of
//! pods are printed.
//!
//! The resolved form, as the rest of the settings; nothing here opens a socket.

use std::net::IpAddr;
use std::path::PathBuf;

use regex::{RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};

/// Where the kubelet answers who was given which device.
pub const POD_RESOURCES_SOCKET: &str = "/var/lib/kubelet/pod-resources/kubelet.sock";

/// Settings of a node in a cluster. That the section is there is what turns Kubernetes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kubernetes {
    /// Socket of the kubelet's pod-resources API.
    pub socket: PathBuf,
    /// Names of device resources besides `nvidia.com/*`.
    pub resource_names: Vec<String>,
    /// Whether labels of pods are printed on device metrics.
    pub pod_labels: bool,
    /// Which labels of pods, by their names in Kubernetes.
    pub pod_label_allowlist: PodLabelAllowlist,
    /// Whether `pod_uid` is printed on device metrics.
    pub pod_uid: bool,
    /// Name of this node in the cluster. Unset: the API server is not asked for pods.
    pub node_name: Option<String>,
    /// Address of this node, where the kubelet is asked for pods if the API server may not be.
    pub node_ip: Option<IpAddr>,
    /// How the API server is reached. Unset: with the service account of the pod that this runs in.
    pub kubeconfig: Option<PathBuf>,
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self {
            socket: POD_RESOURCES_SOCKET.into(),
            resource_names: Vec::new(),
            pod_labels: false,
            pod_label_allowlist: PodLabelAllowlist::default(),
            pod_uid: false,
            node_name: None,
            node_ip: None,
            kubeconfig: None,
        }
    }
}

/// Regular expressions of which one must match somewhere in a label's name; without any, every
/// label passes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct PodLabelAllowlist(RegexSet);

/// An expression of the list that is none.
#[derive(Debug, thiserror::Error)]
#[error("the list of pod labels has an expression that cannot be read")]
pub struct PodLabelAllowlistError(#[source] Box<regex::Error>);

/// Memory of the compiled list; the list of a command line needs a few KiB.
const LIST_BYTES: usize = 4 << 20;

impl PodLabelAllowlist {
    /// Compile the expressions; empty ones are left out.
    ///
    /// # Errors
    /// One is no regular expression, or they are too large together.
    pub fn new<S: AsRef<str>>(
        patterns: impl IntoIterator<Item = S>,
    ) -> Result<Self, PodLabelAllowlistError> {
        let patterns = patterns.into_iter().map(|pattern| pattern.as_ref().trim().to_owned());
        RegexSetBuilder::new(patterns.filter(|pattern| !pattern.is_empty()))
            .size_limit(LIST_BYTES)
            .build()
            .map(Self)
            .map_err(|cause| PodLabelAllowlistError(Box::new(cause)))
    }

    /// Whether the label of this name is printed.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.is_match(name)
    }
}

impl PartialEq for PodLabelAllowlist {
    fn eq(&self, other: &Self) -> bool {
        self.0.patterns() == other.0.patterns()
    }
}

impl TryFrom<Vec<String>> for PodLabelAllowlist {
    type Error = PodLabelAllowlistError;

    fn try_from(patterns: Vec<String>) -> Result<Self, Self::Error> {
        Self::new(patterns)
    }
}

impl From<PodLabelAllowlist> for Vec<String> {
    fn from(list: PodLabelAllowlist) -> Self {
        list.0.patterns().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_lets_every_label_pass_and_an_expression_matches_anywhere() {
        let list = |patterns: &[&str]| PodLabelAllowlist::new(patterns).unwrap();
        assert!(list(&[]).allows("app") && list(&["", " "]).allows("app"));
        let some = list(&["^app$", "kubernetes\\.io/"]);
        assert!(some.allows("app") && some.allows("app.kubernetes.io/name"));
        assert!(!some.allows("application"));
    }

    #[test]
    fn an_expression_that_is_none_is_refused_with_its_fault() {
        let error = PodLabelAllowlist::new(["app", "(team"]).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("(team"), "{cause}");
        assert!(PodLabelAllowlist::new(["(a{1000}){1000}"]).is_err());
    }
}
