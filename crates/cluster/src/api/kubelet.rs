//! The kubelet's own list of its pods, for where the API server's cannot be had.
//!
//! Asked every half minute, and within seconds when a pod was met that nobody knows. It needs the
//! right to `nodes/proxy` or, from Kubernetes 1.33 on, to `nodes/pods`.

use std::sync::Arc;

use http::Request;
use kube::Client;
use kube::api::ListParams;
use kube::core::Request as Collection;
use serde::Deserialize;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::ask::ask;
use super::pod::PodObject;
use super::pods::NodePods;
use super::state::{Fault, Lack};
use super::{Pace, Published, now};

/// The kubelet's port with authentication, `KubeletPort` of the kubelet's defaults.
pub(super) const PORT: u16 = 10_250;

#[derive(Deserialize)]
struct List {
    items: Option<Vec<PodObject>>,
}

/// Ask without end, while the API server does not tell the pods.
pub(super) async fn poll(
    client: Result<Client, Lack>,
    pods: &NodePods,
    published: &Published,
    pace: &Pace,
) {
    // The API server gets its chance first.
    sleep(pace.kubelet_soonest.min(pace.kubelet)).await;
    loop {
        let asked = Instant::now();
        if published.pods_state.load().lack().is_some() {
            let attempt = match &client {
                Ok(client) => {
                    read(client).await.map_err(|fault| fault.about("pods of the kubelet", RIGHT))
                }
                Err(lack) => Err(lack.clone()),
            };
            let attempt = attempt.map(|objects| pods.stand_in(objects));
            let state = published.kubelet_state.load().after(now(), attempt);
            published.kubelet_state.store(Arc::new(state));
        } else {
            published.kubelet_state.store(Arc::new(super::State::Off));
        }
        let _ = timeout(pace.kubelet, async {
            published.wanted.notified().await;
            sleep_until(asked + pace.kubelet_soonest).await;
        })
        .await;
    }
}

/// What the account needs.
const RIGHT: &str =
    "get nodes/pods (before Kubernetes 1.33 nodes/proxy), or to list and watch pods";

async fn read(client: &Client) -> Result<Vec<PodObject>, Fault> {
    let list: List = ask(client, question()?).await?;
    Ok(list.items.unwrap_or_default())
}

fn question() -> Result<Request<Vec<u8>>, Fault> {
    // The path is the kubelet's; it takes no parameters and ignores ours.
    Ok(Collection::new("/pods").list(&ListParams::default())?)
}
