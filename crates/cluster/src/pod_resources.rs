//! Client of the kubelet's pod-resources API: who was given which device id on this node.
//!
//! One task asks over one kept connection, every 10 s and soon after a wake, and publishes each
//! answer whole. What an id stands for, and what a pod is called besides, is not said here.

mod message;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use model::allocation::Grant;
use tokio::sync::Notify;

/// What to ask, and where.
#[derive(Debug, Clone)]
pub struct Config {
    /// The kubelet's socket.
    pub socket: PathBuf,
    /// Names of resources besides `nvidia.com/*`.
    pub resource_names: Vec<String>,
}

/// An id that the kubelet can give to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocatable {
    /// Resource name, `nvidia.com/gpu`.
    pub resource: Arc<str>,
    /// The id as the device plugin made it.
    pub device_id: String,
}

/// What the kubelet said last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Who was given what. Of a claim the device id is empty: its ResourceSlice knows it.
    pub grants: Vec<Grant>,
    /// All ids that can be given; `None` where the kubelet does not tell.
    pub allocatable: Option<Vec<Allocatable>>,
}

/// Why the kubelet cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What happened, with the place.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// What is known at one moment.
#[derive(Debug, Clone, Default)]
pub struct Newest {
    /// The last good answer; `None` before the first, and once it has become too old.
    pub answer: Option<Arc<Answer>>,
    /// When that answer came.
    pub answered: Option<Instant>,
    /// Why the last call failed, if it did.
    pub fault: Option<Arc<Fault>>,
}

impl Newest {
    /// Time since the last good answer.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.answered.map(|at| at.elapsed())
    }
}

/// Where the newest answer is found, and how the next one is asked for sooner.
#[derive(Debug, Clone, Default)]
pub struct Handle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    newest: ArcSwap<Newest>,
    wake: Notify,
}

impl Handle {
    /// The newest, without waiting.
    #[must_use]
    pub fn newest(&self) -> Arc<Newest> {
        self.0.newest.load_full()
    }

    /// Publish, in the place of the asking task.
    pub fn publish(&self, newest: Newest) {
        self.0.newest.store(Arc::new(newest));
    }

    /// A process came onto a GPU: ask within a second.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }
}
