//! The pods of this node: what is followed, and where it is kept and published.

use std::sync::{Arc, Mutex, PoisonError};

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
    known: Mutex<Known>,
}

impl NodePods {
    pub(super) fn new(published: Arc<Published>) -> Self {
        Self { published, known: Mutex::default() }
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let had_room = !known.left_out();
        change(&mut known);
        if had_room && known.left_out() {
            tracing::warn!("this node has more pods than are kept: some have no names");
        }
        if let Some(pods) = known.news() {
            self.published.pods.store(Arc::new(pods));
        }
    }
}

impl Target for NodePods {
    type Object = PodObject;

    fn replace(&self, objects: Vec<PodObject>) {
        self.change(|known| known.replace(objects, now()));
    }

    fn apply(&self, object: PodObject) {
        self.change(|known| known.apply(object));
    }

    fn remove(&self, object: PodObject) {
        self.change(|known| known.remove(object, now()));
    }

    fn tick(&self) {
        self.change(|known| known.forget(now()));
    }

    fn attempted(&self, attempt: Result<(), Lack>) {
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
