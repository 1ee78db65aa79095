//! The API server, as one node needs it: the pods of this node by their ids, the devices behind
//! claims, and the field list in a ConfigMap.
//!
//! [`Api::start`] asks in a task of its own and publishes whole answers; reading one never waits.
//! Whatever fails stays as it was last told, is tried again, and says why and what helps. Without
//! the right to list pods the kubelet's own list stands in.

mod access;
mod ask;
mod config_map;
mod follow;
mod known;
mod kubelet;
mod pod;
mod pods;
mod slices;
mod state;
mod workload;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use model::Timestamp;
use model::clock::{Clock as _, SystemClock};
use model::pod::Pods;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use access::Access;
pub use config_map::{ConfigMapName, ConfigMapNameError};
pub use slices::{DRIVER, DeviceKind, SliceDevice, SliceDevices};
pub use state::{Lack, Reason, State};

use follow::{Backoff, follow};
use pods::NodePods;
use slices::Slices;

/// What is asked, and how.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The way to the API server.
    pub access: Access,
    /// Name of this node (`NODE_NAME`). Without it pods and slices are not asked for.
    pub node: Option<String>,
    /// The kubelet, where it stands in: `https://NODE_IP:10250`, by [`kubelet_url`].
    pub kubelet: Option<String>,
    /// The ConfigMap with the field list.
    pub config_map: Option<ConfigMapName>,
    /// How often and how soon.
    pub pace: Pace,
}

/// How often and how soon things are asked.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The wait after a first fault.
    pub first_wait: Duration,
    /// The longest wait after faults.
    pub longest_wait: Duration,
    /// How often the kubelet is asked while it stands in.
    pub kubelet: Duration,
    /// How soon again, if a pod is met that nobody knows.
    pub kubelet_soonest: Duration,
    /// How often the ConfigMap is asked for.
    pub config_map: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            first_wait: seconds(1),
            longest_wait: seconds(60),
            kubelet: seconds(30),
            kubelet_soonest: seconds(5),
            config_map: seconds(30),
        }
    }
}

/// The kubelet's address on a node with this address (`NODE_IP`).
#[must_use]
pub fn kubelet_url(node: IpAddr) -> String {
    format!("https://{}", std::net::SocketAddr::new(node, kubelet::PORT))
}

/// The newest answers.
#[derive(Debug, Default)]
struct Published {
    pods: ArcSwap<Pods>,
    pods_state: ArcSwap<State>,
    kubelet_state: ArcSwap<State>,
    devices: ArcSwap<SliceDevices>,
    slices_state: ArcSwap<State>,
    config_map: ArcSwapOption<String>,
    config_map_state: ArcSwap<State>,
    /// A pod was met that nobody knows.
    wanted: Notify,
}

/// The running questions to a cluster; they end when this is dropped.
#[derive(Debug)]
pub struct Api {
    published: Arc<Published>,
    task: JoinHandle<()>,
}

impl Api {
    /// Start asking, in a task of the tokio runtime that this is called in.
    #[must_use]
    pub fn start(settings: Settings) -> Self {
        let published = Arc::new(Published::default());
        let starting = |wanted: bool| Arc::new(if wanted { State::Starting } else { State::Off });
        published.pods_state.store(starting(settings.node.is_some()));
        published.slices_state.store(starting(settings.node.is_some()));
        published.config_map_state.store(starting(settings.config_map.is_some()));
        let task = tokio::spawn(run(settings, Arc::clone(&published)));
        Self { published, task }
    }

    /// The pods of this node, and for ten minutes those that were deleted.
    #[must_use]
    pub fn pods(&self) -> Arc<Pods> {
        self.published.pods.load_full()
    }

    /// How it stands with the list of pods from the API server.
    #[must_use]
    pub fn pods_state(&self) -> Arc<State> {
        self.published.pods_state.load_full()
    }

    /// How it stands with the kubelet that stands in; [`State::Off`] while it need not.
    #[must_use]
    pub fn kubelet_state(&self) -> Arc<State> {
        self.published.kubelet_state.load_full()
    }

    /// Why the names of pods are not fresh: neither source tells them.
    #[must_use]
    pub fn pods_lack(&self) -> Option<String> {
        let (pods, kubelet) = (self.pods_state(), self.kubelet_state());
        match (pods.lack(), &*kubelet) {
            (None, _) | (_, State::Ok { .. }) => None,
            (Some(lack), State::Failing { lack: too, .. }) => Some(format!("{lack}; {too}")),
            (Some(lack), _) => Some(lack.to_string()),
        }
    }

    /// A pod UID was met that [`Self::pods`] lacks: where the kubelet stands in, it is asked soon.
    pub fn want(&self) {
        self.published.wanted.notify_one();
    }

    /// The devices behind claims of this node.
    #[must_use]
    pub fn slice_devices(&self) -> Arc<SliceDevices> {
        self.published.devices.load_full()
    }

    /// How it stands with them; [`State::Absent`] where the API server has no such API.
    #[must_use]
    pub fn slices_state(&self) -> Arc<State> {
        self.published.slices_state.load_full()
    }

    /// The field list of the ConfigMap, as last read. Another text is another `Arc`.
    #[must_use]
    pub fn config_map(&self) -> Option<Arc<String>> {
        self.published.config_map.load_full()
    }

    /// How it stands with the ConfigMap.
    #[must_use]
    pub fn config_map_state(&self) -> Arc<State> {
        self.published.config_map_state.load_full()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Kubernetes lives in the machine's time, whatever time the devices live in.
fn now() -> Timestamp {
    SystemClock.now()
}

async fn run(settings: Settings, published: Arc<Published>) {
    let (client, config) = connected(&settings, &published).await;
    let wait = Backoff::new(settings.pace.first_wait, settings.pace.longest_wait);
    let node = async {
        let Some(node) = &settings.node else { return };
        let pods = NodePods::new(Arc::clone(&published));
        let slices =
            Slices { published: Arc::clone(&published), known: Mutex::new(BTreeMap::new()) };
        let kubelet = async {
            let Some(url) = &settings.kubelet else { return };
            kubelet::poll(access::kubelet(url, &config), &pods, &published, &settings.pace).await;
        };
        let (of_pods, of_slices) = (pods::question(node), slices::question(node));
        tokio::join!(
            follow(&client, &of_pods, &pods, wait.clone()),
            follow(&client, &of_slices, &slices, wait.clone()),
            kubelet,
        );
    };
    let config_map = async {
        let Some(name) = &settings.config_map else { return };
        config_map::poll(&client, name, &published, &settings.pace).await;
    };
    tokio::join!(node, config_map);
}

/// The client, once there can be one: until then every state says why not.
async fn connected(settings: &Settings, published: &Published) -> (kube::Client, kube::Config) {
    let mut wait = Backoff::new(settings.pace.first_wait, settings.pace.longest_wait);
    loop {
        let lack = match settings.access.client().await {
            Ok(connected) => return connected,
            Err(lack) => lack,
        };
        let states = [&published.pods_state, &published.slices_state, &published.config_map_state];
        for state in states {
            let before = state.load();
            if **before == State::Starting {
                tracing::warn!("{lack}");
            }
            if **before != State::Off {
                state.store(Arc::new(before.after(now(), Err(lack.clone()))));
            }
        }
        tokio::time::sleep(wait.next()).await;
    }
}

#[cfg(test)]
mod tests;
