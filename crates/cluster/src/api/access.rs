//! The way to an API server: the service account of the pod that this runs in, a kubeconfig, or an
//! address with a token.
//!
//! The kubelet is reached with the same token.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::state::{Lack, Reason, chain};

/// How the API server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// With the service account mounted into this pod.
    #[default]
    InCluster,
    /// As a kubeconfig says: its current context, or the one of that name.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Name of the context.
        context: Option<String>,
    },
    /// At an address, with a token from a file that is read again as it changes.
    Address {
        /// `https://10.0.0.1:6443`.
        url: String,
        /// File with the bearer token.
        token_file: PathBuf,
        /// File with the certificates that are trusted.
        ca_file: PathBuf,
    },
}

/// Why there is no way to the server.
#[derive(Debug, thiserror::Error)]
enum AccessError {
    #[error("no service account is mounted into this pod")]
    InCluster(#[source] kube::config::InClusterError),
    #[error("the kubeconfig {path} cannot be used")]
    Kubeconfig { path: PathBuf, source: kube::config::KubeconfigError },
    #[error("{0} is no address")]
    Address(String),
    #[error("no client can be made of it")]
    Client(#[source] kube::Error),
}

/// Time for a connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the next bytes of an answer. Of a watch these are bookmarks, about one a minute.
const READ_TIMEOUT: Duration = Duration::from_secs(330);

impl Access {
    /// A client of the API server, and the settings that it came from.
    pub(super) async fn client(&self) -> Result<(Client, Config), Lack> {
        let made = async {
            let config = self.config().await?;
            let client = Client::try_from(config.clone()).map_err(AccessError::Client)?;
            Ok::<_, AccessError>((client, config))
        };
        made.await.map_err(|error| self.lack(&error))
    }

    async fn config(&self) -> Result<Config, AccessError> {
        let mut config =
            match self {
                Self::InCluster => Config::incluster().map_err(AccessError::InCluster)?,
                Self::Kubeconfig { path, context } => kubeconfig(path.clone(), context.clone())
                    .await
                    .map_err(|source| AccessError::Kubeconfig { path: path.clone(), source })?,
                Self::Address { url, token_file, ca_file } => {
                    let parsed = url.parse().map_err(|_| AccessError::Address(url.clone()))?;
                    let mut config = Config::new(parsed);
                    config.root_cert_file = Some(ca_file.clone());
                    config.auth_info.token_file = Some(token_file.display().to_string());
                    config
                }
            };
        bound(&mut config);
        Ok(config)
    }

    fn lack(&self, error: &AccessError) -> Lack {
        let remedy = match self {
            Self::InCluster => {
                "run in a pod with automountServiceAccountToken, or name a kubeconfig"
            }
            Self::Kubeconfig { .. } => "correct the file or name another one",
            Self::Address { .. } => "correct the address, the token file or the CA file",
        };
        Lack {
            reason: Reason::NoAccess,
            message: format!("API server: {}", chain(error)),
            remedy: remedy.to_owned(),
        }
    }
}

async fn kubeconfig(
    path: PathBuf,
    context: Option<String>,
) -> Result<Config, kube::config::KubeconfigError> {
    let file = Kubeconfig::read_from(path)?;
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(file, &options).await
}

/// Time limits; and no retries below ours, which know what they wait for.
fn bound(config: &mut Config) {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.write_timeout = Some(CONNECT_TIMEOUT);
    config.reset_reader_on_write = true;
    config.default_retry = false;
}

/// A client of the kubelet at `url` with the account of `api`.
///
/// Its certificate is not checked: most kubelets sign their own, and the address is this node's own.
pub(super) fn kubelet(url: &str, api: &Config) -> Result<Client, Lack> {
    let lack = |message: String| Lack {
        reason: Reason::NoAccess,
        message,
        remedy: "correct the node's address (NODE_IP)".to_owned(),
    };
    let parsed = url.parse().map_err(|_| lack(format!("kubelet: {url} is no address")))?;
    let mut config = Config::new(parsed);
    config.accept_invalid_certs = true;
    config.auth_info = api.auth_info.clone();
    bound(&mut config);
    Client::try_from(config).map_err(|error| lack(format!("kubelet: {}", chain(&error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_used_is_named_with_its_remedy() {
        let missing = Access::Kubeconfig { path: "/nonexistent/config".into(), context: None };
        let lack = missing.client().await.err().unwrap();
        assert_eq!(lack.reason, Reason::NoAccess);
        assert!(lack.message.contains("/nonexistent/config"), "{lack}");
        let address = Access::Address {
            url: "no address".to_owned(),
            token_file: "/nonexistent/token".into(),
            ca_file: "/nonexistent/ca".into(),
        };
        assert!(address.client().await.err().unwrap().message.contains("no address"));
    }
}
