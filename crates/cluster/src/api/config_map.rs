//! The field list in a ConfigMap, `namespace:name`, key `metrics`, asked for twice a minute or
//! a little more often.
//!
//! Asked and not watched: so the right to `get` this one object is enough, as dcgm-exporter's
//! chart gives it, and a question is answered from the API server's memory.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use kube::Client;
use kube::api::GetParams;
use serde::Deserialize;

use super::ask::ask;
use super::follow::jittered;
use super::state::{Fault, Lack, Reason};
use super::{Pace, Published, now};

/// The key that holds the list.
const KEY: &str = "metrics";

/// Which ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMapName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A name that is none.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no ConfigMap: write namespace:name")]
pub struct ConfigMapNameError(String);

impl FromStr for ConfigMapName {
    type Err = ConfigMapNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((namespace, name)) if is_name(namespace, 63) && is_name(name, 253) => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err(ConfigMapNameError(text.chars().take(300).collect())),
        }
    }
}

impl fmt::Display for ConfigMapName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.name)
    }
}

/// Names of Kubernetes; nothing that could leave its place in a path.
fn is_name(text: &str, longest: usize) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=longest).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('.')
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Object {
    data: Option<Data>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Data {
    metrics: Option<String>,
}

/// Ask for it without end.
pub(super) async fn poll(
    client: &Client,
    name: &ConfigMapName,
    published: &Published,
    pace: &Pace,
) {
    loop {
        let attempt = read(client, name).await;
        let attempt = attempt.map(|text| {
            if published.config_map.load().as_deref() != Some(&text) {
                published.config_map.store(Some(Arc::new(text)));
            }
        });
        let state = published.config_map_state.load().after(now(), attempt);
        let every = if state.is_ok() { pace.config_map } else { pace.config_map.min(RETRY) };
        published.config_map_state.store(Arc::new(state));
        tokio::time::sleep(jittered(every)).await;
    }
}

/// How soon a read that failed is tried again.
const RETRY: Duration = Duration::from_secs(10);

async fn read(client: &Client, name: &ConfigMapName) -> Result<String, Lack> {
    let object: Object = match question(name) {
        Ok(question) => ask(client, question).await,
        Err(fault) => Err(fault),
    }
    .map_err(|fault| fault.about(&format!("ConfigMap {name}"), &right(name)))?;
    object.data.and_then(|data| data.metrics).ok_or_else(|| Lack {
        reason: Reason::Missing,
        message: format!("ConfigMap {name}: it has no key {KEY}"),
        remedy: format!("put the field list under the key {KEY}"),
    })
}

fn question(name: &ConfigMapName) -> Result<Request<Vec<u8>>, Fault> {
    let collection = format!("/api/v1/namespaces/{}/configmaps", name.namespace);
    Ok(kube::core::Request::new(collection).get(&name.name, &GetParams::any())?)
}

fn right(name: &ConfigMapName) -> String {
    format!("get configmaps in namespace {}", name.namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_namespace_and_a_name_and_cannot_leave_its_path() {
        let name: ConfigMapName = "gpu-operator:metrics-config".parse().unwrap();
        assert_eq!(name.to_string(), "gpu-operator:metrics-config");
        let path = question(&name).unwrap().uri().to_string();
        assert!(path.starts_with("/api/v1/namespaces/gpu-operator/configmaps/metrics-config"));
        for bad in ["", "none", "a:", ":b", "a/b:c", "a:../x", "a:b?c", "A:b", "a:b:c"] {
            assert!(bad.parse::<ConfigMapName>().is_err(), "{bad}");
        }
    }
}
