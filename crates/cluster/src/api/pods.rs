//! The pods of this node: what is followed, and where it is kept and published.
//!
//! Two tell of them, and the API server counts: a list of the kubelet that comes too late is dropped,
//! and what the kubelet told is replaced by a list of the API server before changes are taken from it.
//! They differ in static pods, which the kubelet lists under the UID in their control group.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::follow::{Question, Target};
use super::known::Known;
use super::pod::PodObject;
use super::state::Lack;
use super::{Published, now};

/// What to follow for the pods of a node. Never those of the whole cluster.
pub(super) fn question(node: &str) -> Question {
    Question {
        path: "/api/v1/pods",
        fields: format!("spec.nodeName={node}"),
        subject: format!("pods of node {node}"),
        right: "list and watch pods",
    }
}

/// Keeps the pods and publishes them.
pub(super) struct NodePods {
    published: Arc<Published>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    known: Known,
    /// Whether the API server tells of the pods at present.
    api_tells: bool,
    /// Whether the kubelet has told of them since the API server's last list.
    stood_in: bool,
}

impl NodePods {
    pub(super) fn new(published: Arc<Published>) -> Self {
        Self { published, kept: Mutex::default() }
    }

    /// These are all pods, as the kubelet tells: for as long as the API server does not.
    pub(super) fn stand_in(&self, objects: Vec<PodObject>) {
        self.change(|kept| {
            if !kept.api_tells {
                kept.stood_in = true;
                kept.known.replace(objects, now());
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        let mut kept = self.lock();
        let had_room = !kept.known.left_out();
        change(&mut kept);
        if had_room && kept.known.left_out() {
            tracing::warn!("this node has more pods than are kept: some have no names");
        }
        if let Some(pods) = kept.known.news() {
            self.published.pods.store(Arc::new(pods));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target for NodePods {
    type Object = PodObject;

    fn replace(&self, objects: Vec<PodObject>) {
        self.change(|kept| {
            (kept.api_tells, kept.stood_in) = (true, false);
            kept.known.replace(objects, now());
        });
    }

    fn apply(&self, object: PodObject) {
        self.change(|kept| kept.known.apply(object));
    }

    fn remove(&self, object: PodObject) {
        self.change(|kept| kept.known.remove(object, now()));
    }

    fn tick(&self) {
        self.change(|kept| kept.known.forget(now()));
    }

    fn needs_list(&self) -> bool {
        self.lock().stood_in
    }

    fn attempted(&self, attempt: Result<(), Lack>) {
        self.lock().api_tells = attempt.is_ok();
        let before = self.published.pods_state.load();
        let state = before.after(now(), attempt);
        match (before.lack(), state.lack()) {
            (None, Some(lack)) => tracing::warn!("{lack}"),
            (Some(_), None) => tracing::info!("pods of this node are known again"),
            _ => {}
        }
        self.published.pods_state.store(Arc::new(state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::state::Fault;

    fn object(uid: &str) -> PodObject {
        let json = serde_json::json!({"metadata": {"name": uid, "namespace": "ml", "uid": uid}});
        serde_json::from_value(json).unwrap()
    }

    fn here(pods: &NodePods) -> Vec<String> {
        let published = pods.published.pods.load();
        let here = published.all().iter().filter(|pod| pod.deleted.is_none());
        here.map(|pod| pod.uid.clone()).collect()
    }

    #[test]
    fn the_kubelet_counts_only_while_the_api_server_is_silent_and_then_a_list_is_due() {
        let pods = NodePods::new(Arc::default());
        pods.replace(vec![object("mirror")]);
        pods.attempted(Ok(()));
        pods.stand_in(vec![object("static")]);
        assert_eq!((here(&pods), pods.needs_list()), (vec!["mirror".to_owned()], false));

        pods.attempted(Err(Fault::Late(1).about("pods", "list pods")));
        pods.stand_in(vec![object("static")]);
        assert_eq!((here(&pods), pods.needs_list()), (vec!["static".to_owned()], true));

        pods.replace(vec![object("mirror")]);
        pods.stand_in(vec![]); // An answer that was on its way.
        assert_eq!((here(&pods), pods.needs_list()), (vec!["mirror".to_owned()], false));
    }
}
