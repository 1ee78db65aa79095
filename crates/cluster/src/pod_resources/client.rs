//! One connection to the kubelet's socket, and the two calls over it.
//!
//! Says why a call failed in words that name the place and the remedy. When it is asked, and what
//! becomes of an answer, is not decided here.

use std::io;
use std::path::Path;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::Fault;
use super::message::{AllocatableRequest, AllocatableResponse, ListRequest, ListResponse};

/// How long a call may take, connecting included.
pub(super) const DEADLINE: Duration = Duration::from_secs(3);

/// Longest answer that is read. The kubelet's own clients stop at this size.
const LONGEST_ANSWER: usize = 16 << 20;

/// The authority of requests over a Unix socket; servers written in Go refuse a path in its place.
const AUTHORITY: &str = "http://localhost";

const LIST: &str = "/v1.PodResourcesLister/List";
const ALLOCATABLE: &str = "/v1.PodResourcesLister/GetAllocatableResources";

/// A connection to one kubelet.
#[derive(Debug)]
pub(super) struct Client(Grpc<Channel>);

impl Client {
    /// Connect to the socket.
    pub(super) async fn connect(socket: &Path) -> Result<Self, CallError> {
        // Asked first, as the transport does not say why it could not connect.
        let stream = UnixStream::connect(socket).await.map_err(CallError::Connect)?;
        let mut first = Some(stream);
        let connector = tower::service_fn(move |_| {
            let stream = first.take().ok_or(io::ErrorKind::NotConnected);
            async move { stream.map(TokioIo::new).map_err(io::Error::from) }
        });
        let endpoint = Endpoint::from_static(AUTHORITY);
        let channel = endpoint.connect_with_connector(connector).await;
        let channel = channel.map_err(|cause| CallError::Speak(chain(&cause)))?;
        Ok(Self(Grpc::new(channel).max_decoding_message_size(LONGEST_ANSWER)))
    }

    /// Who was given what.
    pub(super) async fn list(&mut self) -> Result<ListResponse, CallError> {
        self.call(LIST, ListRequest {}).await
    }

    /// What can be given; `None` where this kubelet does not answer that.
    pub(super) async fn allocatable(&mut self) -> Result<Option<AllocatableResponse>, CallError> {
        match self.call(ALLOCATABLE, AllocatableRequest {}).await {
            Ok(answer) => Ok(Some(answer)),
            Err(CallError::Refused(_)) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    async fn call<Q, A>(&mut self, path: &'static str, request: Q) -> Result<A, CallError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let path = PathAndQuery::from_static(path);
        self.0.ready().await.map_err(|cause| CallError::Speak(chain(&cause)))?;
        let codec = ProstCodec::<Q, A>::default();
        let answer = self.0.unary(Request::new(request), path, codec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| CallError::from_status(&status))
    }
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The socket cannot be opened.
    #[error("{0}")]
    Connect(#[source] io::Error),
    /// Nothing came within the deadline.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Late,
    /// The connection broke, or what came is no answer of this API.
    #[error("{0}")]
    Speak(String),
    /// The kubelet does not serve this.
    #[error("refused: {0}")]
    Refused(String),
}

impl CallError {
    fn from_status(status: &Status) -> Self {
        let said = format!("{:?}: {}", status.code(), status.message());
        match status.code() {
            // A kubelet whose feature gate is off answers with an unnamed code.
            Code::Unimplemented | Code::Unknown if !has_transport_source(status) => {
                Self::Refused(said)
            }
            _ => Self::Speak(said),
        }
    }

    /// For a person.
    pub(super) fn fault(&self, socket: &Path) -> Fault {
        let place = socket.display();
        Fault {
            reason: format!("the kubelet cannot be asked on {place}: {self}"),
            remedy: match self {
                Self::Connect(cause) => match cause.kind() {
                    io::ErrorKind::NotFound => format!(
                        "mount the kubelet's folder pod-resources (hostPath), or name its socket \
                         with --pod-resources-kubelet-socket instead of {place}"
                    ),
                    io::ErrorKind::PermissionDenied => {
                        "run as a user that may open the socket (usually root)".to_owned()
                    }
                    _ => "see whether the kubelet runs: systemctl status kubelet".to_owned(),
                },
                Self::Late => "see whether the kubelet is overloaded: its log, and \
                               kubelet_pod_resources_endpoint_* of its metrics"
                    .to_owned(),
                Self::Speak(_) => {
                    "see the kubelet's log; the socket must be that of the pod-resources API"
                        .to_owned()
                }
                Self::Refused(_) => {
                    "use Kubernetes 1.20 or newer, where the API has version 1".to_owned()
                }
            },
        }
    }
}

fn has_transport_source(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}

/// One call within its deadline.
pub(super) async fn within<T>(
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    timeout(DEADLINE, call).await.unwrap_or(Err(CallError::Late))
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        said.push_str(": ");
        said.push_str(&next.to_string());
        cause = next.source();
    }
    said
}
