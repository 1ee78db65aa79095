//! Connections with bounds: how many, how long a handshake and a head may take, how long a client may
//! not read. With a web-config file: TLS, sign-in and headers by its newest version.

mod answer;
mod patient;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::WebConfig;
use answer::{Answerer, never_asked};
use patient::Patient;

/// How long answers under way may take after the signal to stop.
const FAREWELL: Duration = Duration::from_secs(3);
/// Headers of a request, and bytes of them: browsers and proxies stay far below.
const MOST_HEADERS: usize = 100;
const HEAD_BYTES: usize = 64 << 10;
/// Requests at once on one connection of HTTP/2: a browser's usual figure.
const STREAMS: u32 = 100;
/// How often the web-config file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// First byte of a TLS connection: a record of a handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;
/// How long a client that is refused may take to hear why.
const LINGER: Duration = Duration::from_secs(1);
/// What a browser or scraper sees that speaks plain HTTP where TLS is wanted.
const PLAIN: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n\
    this port speaks TLS: write https instead of http\n";

/// How much is taken at once, and how long a client may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; more wait to be accepted.
    pub connections: usize,
    /// From the connection to the end of the handshake, and from there to the first request.
    pub first_time: Duration,
    /// From one request to the end of the head of the next.
    pub idle_time: Duration,
    /// How long a client may not read while an answer is being sent.
    pub stall_time: Duration,
}

impl Default for Limits {
    /// An idle connection lives longer than Prometheus's usual interval of a minute.
    fn default() -> Self {
        Self {
            connections: 512,
            first_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            stall_time: Duration::from_secs(30),
        }
    }
}

/// Answers on the port until `stop` is done. Requests under way get a few seconds more.
///
/// # Errors
/// The port cannot be used.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    web: Option<Arc<WebConfig>>,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let keeper = web.clone().map(|web| tokio::spawn(keep(web)));
    let port = Port { router, web, limits, http1: one(limits), http2: two(limits) };
    accept(&listener, &Arc::new(port), stop).await;
    if let Some(keeper) = keeper {
        keeper.abort();
    }
    Ok(())
}

/// Looks after the web-config file.
async fn keep(web: Arc<WebConfig>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let web = Arc::clone(&web);
        let _ = tokio::task::spawn_blocking(move || web.look()).await;
    }
}

async fn accept(
    listener: &tokio::net::TcpListener,
    port: &Arc<Port>,
    stop: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(port.limits.connections));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let next = async {
            // Only closing the semaphore fails this, and nobody does.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let Some(stream) = opened(accepted.map(|(stream, _)| stream)).await else { continue };
        let (port, watcher) = (Arc::clone(port), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            port.connection(stream, watcher).await;
        });
    }
    // A client that never reads must not keep the role from ending.
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
}

async fn opened(accepted: io::Result<TcpStream>) -> Option<TcpStream> {
    match accepted {
        Ok(stream) => {
            // Answers are written whole: waiting for more only delays them.
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        Err(cause) => {
            tracing::warn!(%cause, "cannot accept a connection");
            // Out of file descriptors: looping at once would only burn the processor.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// What all connections of a port share.
struct Port {
    router: Router,
    web: Option<Arc<WebConfig>>,
    limits: Limits,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

fn one(limits: Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.idle_time)
        .max_headers(MOST_HEADERS)
        .max_buf_size(HEAD_BYTES);
    http
}

fn two(limits: Limits) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        // A client that is gone does not answer, and its connection ends.
        .keep_alive_interval(limits.idle_time)
        .keep_alive_timeout(limits.first_time);
    http
}

impl Port {
    async fn connection(&self, stream: TcpStream, watcher: Watcher) {
        let tls = self.web.as_ref().and_then(|web| web.newest().tls.clone());
        let Some(tls) = tls else {
            return self.answer(self.patient(stream), false, watcher).await;
        };
        let handshake = tokio::time::timeout(self.limits.first_time, self.handshake(stream, tls));
        let Ok(Some(stream)) = handshake.await else { return };
        let speaks_two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.answer(stream, speaks_two, watcher).await;
    }

    fn patient(&self, stream: TcpStream) -> Patient<TcpStream> {
        Patient::new(stream, self.limits.stall_time)
    }

    async fn handshake(
        &self,
        mut stream: TcpStream,
        tls: Arc<ServerConfig>,
    ) -> Option<tokio_rustls::server::TlsStream<Patient<TcpStream>>> {
        let mut first = [0];
        if stream.peek(&mut first).await.ok()? == 0 {
            return None;
        }
        if first[0] != HANDSHAKE {
            let _ = stream.write_all(PLAIN).await;
            linger(stream).await;
            return None;
        }
        let peer = stream.peer_addr().ok();
        let accepting = TlsAcceptor::from(tls).accept(self.patient(stream));
        match accepting.into_fallible().await {
            Ok(stream) => Some(stream),
            Err((cause, stream)) => {
                // A client that trusts somebody else is its own affair, and there may be many.
                tracing::debug!(?peer, %cause, "no TLS with a client");
                linger(stream).await;
                None
            }
        }
    }

    async fn answer(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        speaks_two: bool,
        watcher: Watcher,
    ) {
        let asked = Arc::new(AtomicBool::new(false));
        let answerer = Answerer::new(self.router.clone(), self.web.clone(), Arc::clone(&asked));
        let stream = TokioIo::new(stream);
        let silent = never_asked(&asked, self.limits.first_time);
        // A client that breaks the protocol or goes away is its own affair.
        if speaks_two {
            let connection = watcher.watch(self.http2.serve_connection(stream, answerer));
            tokio::select! { _ = connection => {}, () = silent => {} }
        } else {
            let connection = watcher.watch(self.http1.serve_connection(stream, answerer));
            tokio::select! { _ = connection => {}, () = silent => {} }
        }
    }
}

/// Lets a client read why it is let go of: a connection that is closed while something of the client
/// is unread takes with it what was said last.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let _ = stream.shutdown().await;
    let (mut rest, mut nowhere) = (stream.take(HEAD_BYTES as u64), tokio::io::sink());
    let unread = tokio::io::copy(&mut rest, &mut nowhere);
    let _ = tokio::time::timeout(LINGER, unread).await;
}

#[cfg(test)]
mod tests;
