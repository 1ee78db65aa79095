//! Pods of one node, as Kubernetes tells them: the names behind the ids in control groups.
//!
//! A [`Pods`] is one moment's list with its look-ups. Who fetches it, and from where, is not said
//! here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::Timestamp;

/// One pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID, with dashes. Of a static pod: that of the mirror object, which no control group has.
    pub uid: String,
    /// Of a static pod: what its control group carries in the place of a UID, 32 hex digits.
    pub config_hash: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Containers, init and ephemeral ones too.
    pub containers: Vec<PodContainer>,
    /// What it belongs to, by owner references and well-known labels.
    pub workload: Option<Workload>,
    /// Whether it has come to its end (`Succeeded`, `Failed`): older kubelets still list its devices.
    pub finished: bool,
    /// When it was deleted, if it was: such pods are remembered for a while.
    pub deleted: Option<Timestamp>,
}

/// One container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodContainer {
    /// Its name within the pod.
    pub name: String,
    /// Its id, 64 hex digits without the runtime's prefix; absent until it was created.
    pub id: Option<String>,
    /// When it was started, while it runs.
    pub started: Option<Timestamp>,
}

/// What a pod belongs to: a Deployment, a Job, a PyTorchJob, ...
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Workload {
    /// Kind of the object.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// The pods of a node at one moment, found by any of their ids.
#[derive(Debug, Clone, Default)]
pub struct Pods {
    pods: Vec<Arc<Pod>>,
    by_uid: HashMap<String, usize>,
    by_container: HashMap<String, (usize, usize)>,
    by_name: HashMap<(String, String), usize>,
}

impl Pods {
    /// Index these. Of two with the same id or name the one that was not deleted is found, else the
    /// later in the list.
    #[must_use]
    pub fn new(pods: Vec<Arc<Pod>>) -> Self {
        let mut index = Self::default();
        let (gone, here): (Vec<usize>, Vec<usize>) =
            (0..pods.len()).partition(|at| pods[*at].deleted.is_some());
        for at in gone.into_iter().chain(here) {
            let pod = &pods[at];
            index.by_uid.insert(pod.uid.clone(), at);
            if let Some(hash) = &pod.config_hash {
                index.by_uid.insert(hash.clone(), at);
            }
            for (number, container) in pod.containers.iter().enumerate() {
                if let Some(id) = &container.id {
                    index.by_container.insert(id.clone(), (at, number));
                }
            }
            index.by_name.insert((pod.namespace.clone(), pod.name.clone()), at);
        }
        Self { pods, ..index }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Arc<Pod>] {
        &self.pods
    }

    /// The pod with this UID, or with this config hash where it is a static one.
    #[must_use]
    pub fn by_uid(&self, uid: &str) -> Option<&Arc<Pod>> {
        self.by_uid.get(uid).map(|at| &self.pods[*at])
    }

    /// The container with this id, and its pod.
    #[must_use]
    pub fn by_container(&self, id: &str) -> Option<(&Arc<Pod>, &PodContainer)> {
        let (at, number) = self.by_container.get(id)?;
        let pod = &self.pods[*at];
        pod.containers.get(*number).map(|container| (pod, container))
    }

    /// The pod of this namespace and name.
    #[must_use]
    pub fn by_name(&self, namespace: &str, name: &str) -> Option<&Arc<Pod>> {
        self.by_name.get(&(namespace.to_owned(), name.to_owned())).map(|at| &self.pods[*at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, uid: &str, deleted: bool) -> Arc<Pod> {
        Arc::new(Pod {
            namespace: "ml".to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            containers: vec![PodContainer {
                name: "train".to_owned(),
                id: Some("c".repeat(64)),
                started: None,
            }],
            deleted: deleted.then(|| Timestamp::from_secs(1)),
            ..Pod::default()
        })
    }

    #[test]
    fn a_pod_that_came_back_under_its_name_wins_over_the_deleted_one() {
        let pods = Pods::new(vec![pod("a", "new", false), pod("a", "old", true)]);
        assert_eq!(pods.by_name("ml", "a").unwrap().uid, "new");
        assert_eq!(pods.by_uid("old").unwrap().uid, "old");
        let (found, container) = pods.by_container(&"c".repeat(64)).unwrap();
        assert_eq!((found.uid.as_str(), container.name.as_str()), ("new", "train"));
        assert!(pods.by_uid("other").is_none());
    }
}
