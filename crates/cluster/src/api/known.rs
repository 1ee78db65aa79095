//! The pods of this node that are known: those that are there, and for a while those that were
//! deleted, since sessions that just ended still name them.
//!
//! Both sources write here, the API server's watch and the kubelet's list; each tells all pods of
//! the node. No clock of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use model::pod::{Pod, Pods};

use super::pod::PodObject;

/// How long a deleted pod is remembered.
pub(super) const REMEMBER: Duration = Duration::from_secs(600);
/// Pods that are kept, deleted ones apart. The largest nodes run some hundreds.
const PODS: usize = 1024;

/// Pods by UID, and whether something has changed since they were last told.
#[derive(Debug, Default)]
pub(super) struct Known {
    here: HashMap<String, Arc<Pod>>,
    gone: HashMap<String, Arc<Pod>>,
    changed: bool,
    left_out: bool,
}

impl Known {
    /// These are all pods now: what is not among them is deleted.
    pub(super) fn replace(&mut self, objects: Vec<PodObject>, now: Timestamp) {
        let mut old = std::mem::take(&mut self.here);
        for object in objects {
            let before = old.remove(object.uid());
            self.put(object, before);
        }
        for (_, pod) in old {
            self.bury(&pod, now);
        }
        self.forget(now);
    }

    /// A pod appeared or changed.
    pub(super) fn apply(&mut self, object: PodObject) {
        let before = self.here.remove(object.uid());
        self.put(object, before);
    }

    /// A pod was deleted, or lies on this node no more; the object is its last state.
    pub(super) fn remove(&mut self, object: PodObject, now: Timestamp) {
        let before = self.here.remove(object.uid());
        let last = object.into_pod().map(Arc::new).or(before);
        if let Some(pod) = last {
            self.bury(&pod, now);
        }
        self.forget(now);
    }

    /// Forget what was deleted too long ago.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let before = self.gone.len();
        self.gone.retain(|_, pod| pod.deleted.is_some_and(|at| now.since(at) < REMEMBER));
        self.changed |= self.gone.len() != before;
    }

    /// The present picture, if it is another than the last time.
    pub(super) fn news(&mut self) -> Option<Pods> {
        std::mem::take(&mut self.changed).then(|| {
            let mut gone: Vec<_> = self.gone.values().cloned().collect();
            gone.sort_by_key(|pod| pod.deleted);
            let mut here: Vec<_> = self.here.values().cloned().collect();
            here.sort_by(|a, b| {
                (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid))
            });
            Pods::new(gone.into_iter().chain(here).collect())
        })
    }

    /// Whether there are more pods than are kept.
    pub(super) fn left_out(&self) -> bool {
        self.left_out
    }

    fn put(&mut self, object: PodObject, before: Option<Arc<Pod>>) {
        let Some(pod) = object.into_pod() else {
            self.changed |= before.is_some();
            return;
        };
        if self.here.len() >= PODS {
            self.left_out = true;
            return;
        }
        self.gone.remove(&pod.uid);
        let pod = match before {
            Some(before) if *before == pod => before,
            _ => {
                self.changed = true;
                Arc::new(pod)
            }
        };
        self.here.insert(pod.uid.clone(), pod);
    }

    fn bury(&mut self, pod: &Pod, now: Timestamp) {
        if self.gone.len() >= PODS {
            let oldest =
                self.gone.values().min_by_key(|pod| pod.deleted).map(|pod| pod.uid.clone());
            self.gone.remove(&oldest.unwrap_or_default());
        }
        let pod = Arc::new(Pod { deleted: Some(now), ..pod.clone() });
        self.gone.insert(pod.uid.clone(), pod);
        self.changed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, uid: &str) -> PodObject {
        let json = serde_json::json!({
            "metadata": {"name": name, "namespace": "ml", "uid": uid}
        });
        serde_json::from_value(json).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    #[test]
    fn a_deleted_pod_is_remembered_for_ten_minutes_beside_its_successor() {
        let mut known = Known::default();
        known.replace(vec![object("a", "old")], at(0));
        known.remove(object("a", "old"), at(10));
        known.apply(object("a", "new"));
        let pods = known.news().unwrap();
        assert_eq!(pods.by_name("ml", "a").unwrap().uid, "new");
        assert_eq!(pods.by_uid("old").unwrap().deleted, Some(at(10)));
        known.forget(at(609));
        assert!(known.news().is_none());
        known.forget(at(610));
        assert!(known.news().unwrap().by_uid("old").is_none());
    }

    #[test]
    fn what_a_new_list_lacks_was_deleted_and_what_it_repeats_is_no_news() {
        let mut known = Known::default();
        known.replace(vec![object("a", "1"), object("b", "2")], at(0));
        assert_eq!(known.news().unwrap().all().len(), 2);
        known.replace(vec![object("a", "1"), object("b", "2")], at(5));
        assert!(known.news().is_none());
        known.replace(vec![object("b", "2")], at(9));
        let pods = known.news().unwrap();
        assert_eq!(pods.by_uid("1").unwrap().deleted, Some(at(9)));
        assert_eq!(pods.by_uid("2").unwrap().deleted, None);
    }

    #[test]
    fn a_pod_that_comes_back_by_an_older_list_is_alive_again() {
        let mut known = Known::default();
        known.replace(vec![object("a", "1")], at(0));
        known.replace(vec![], at(1));
        known.replace(vec![object("a", "1")], at(2));
        assert_eq!(known.news().unwrap().by_uid("1").unwrap().deleted, None);
    }

    #[test]
    fn more_pods_than_a_node_can_have_are_left_out_and_said() {
        let mut known = Known::default();
        let objects = (0..PODS + 9).map(|n| object(&format!("p{n}"), &n.to_string())).collect();
        known.replace(objects, at(0));
        assert_eq!(known.news().unwrap().all().len(), PODS);
        assert!(known.left_out());
        known.replace(vec![], at(1));
        known.replace((0..9).map(|n| object("x", &format!("x{n}"))).collect(), at(2));
        known.replace(vec![], at(3));
        assert_eq!(known.news().unwrap().all().len(), PODS);
    }
}
