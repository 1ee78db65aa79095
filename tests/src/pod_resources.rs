//! A kubelet's pod-resources API, version 1, on a Unix socket: real HTTP/2 and protobuf, written
//! from the published definition apart from the client's own messages.
//!
//! A test says what is held and how the server shall behave; it knows nothing of GPUs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

pub mod message;

use message::{
    AllocatableResourcesResponse, ContainerDevices, ListPodResourcesResponse, PodResources,
};

/// How a call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// As a kubelet does.
    #[default]
    Answer,
    /// As a kubelet does, after that long.
    Late(Duration),
    /// With bytes that are no message.
    Garbage,
    /// With a status that is an error.
    Fail,
    /// Not at all: the connection is closed.
    Drop,
}

/// What the server says.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Answer of `List`.
    pub list: ListPodResourcesResponse,
    /// Answer of `GetAllocatableResources`; `None`: this kubelet does not serve it.
    pub allocatable: Option<AllocatableResourcesResponse>,
    /// How it answers.
    pub behaviour: Behaviour,
}

impl Told {
    /// These pods, of these GPUs that can be given, answered at once.
    #[must_use]
    pub fn gpus(pods: Vec<PodResources>, allocatable: &[&str]) -> Self {
        let devices = vec![ContainerDevices::new("nvidia.com/gpu", allocatable)];
        Self {
            list: ListPodResourcesResponse { pod_resources: pods },
            allocatable: Some(AllocatableResourcesResponse { devices, ..Default::default() }),
            behaviour: Behaviour::Answer,
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    told: Mutex<Told>,
    lists: AtomicUsize,
    connections: AtomicUsize,
}

/// The running server; it ends, and its socket goes, when this is dropped.
#[derive(Debug)]
pub struct Server {
    socket: PathBuf,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serve on this socket, which is made.
    ///
    /// # Errors
    /// The socket cannot be made, or the system gives no thread.
    pub fn start(socket: &Path, told: Told) -> Result<Self> {
        let shared = Arc::new(Shared { told: Mutex::new(told), ..Shared::default() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(socket)
                .with_context(|| format!("cannot make {}", socket.display()))?
        };
        let (stop, mut stopped) = watch::channel(false);
        let serving = Arc::clone(&shared);
        let serve = move || {
            runtime.block_on(async move {
                tokio::select! {
                    _ = stopped.changed() => {}
                    () = accept(listener, serving) => {}
                }
            });
            // Open connections end with it.
            drop(runtime);
        };
        let thread = Some(std::thread::Builder::new().name("kubelet".to_owned()).spawn(serve)?);
        Ok(Self { socket: socket.to_owned(), shared, stop, thread })
    }

    /// Change what it says from the next call on.
    pub fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.shared.told.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Calls of `List` so far.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.shared.lists.load(Ordering::Relaxed)
    }

    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.socket);
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let _ = serve(stream, shared).await;
        });
    }
}

async fn serve(stream: UnixStream, shared: Arc<Shared>) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        let told = shared.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if told.behaviour == Behaviour::Drop {
            return Ok(());
        }
        if request.uri().path().ends_with("/List") {
            shared.lists.fetch_add(1, Ordering::Relaxed);
        }
        tokio::spawn(async move {
            let _ = answer(&request, respond, told).await;
        });
    }
    Ok(())
}

async fn answer(
    request: &Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    told: Told,
) -> Result<(), h2::Error> {
    if let Behaviour::Late(span) = told.behaviour {
        tokio::time::sleep(span).await;
    }
    let message = match (told.behaviour, request.uri().path()) {
        (Behaviour::Garbage, _) => Ok(b"\xff\xff\xff no message \x00".to_vec()),
        (Behaviour::Fail, _) => Err("13"),
        (_, "/v1.PodResourcesLister/List") => Ok(told.list.encode_to_vec()),
        (_, "/v1.PodResourcesLister/GetAllocatableResources") => {
            told.allocatable.map(|all| all.encode_to_vec()).ok_or("12")
        }
        _ => Err("12"),
    };
    let mut head = Response::new(());
    head.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    match message {
        Ok(message) => {
            let mut stream = respond.send_response(head, false)?;
            send(&mut stream, &message).await?;
            stream.send_trailers(status("0"))
        }
        Err(code) => {
            head.headers_mut().extend(status(code));
            respond.send_response(head, true).map(drop)
        }
    }
}

/// One message behind its five bytes, in pieces as the other side takes them.
async fn send(stream: &mut h2::SendStream<Bytes>, message: &[u8]) -> Result<(), h2::Error> {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    let mut rest = framed.freeze();
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len());
        let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let Some(room) = room.transpose()? else { return Ok(()) };
        stream.send_data(rest.split_to(room.min(rest.len())), false)?;
    }
    Ok(())
}

fn status(code: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", HeaderValue::from_static(code));
    headers.insert("grpc-message", HeaderValue::from_static("as the test wants it"));
    headers
}
