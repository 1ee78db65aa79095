//! One HTTP GET without keep-alive, enough to ask exporters and Prometheus.
//!
//! Speaks HTTP/1.0, so that no answer is chunked; no TLS, no redirects.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// No answer of a test is larger.
const MOST_BYTES: u64 = 64 << 20;

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Status line and headers, as sent.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.body).context("the answer is not UTF-8")
    }
}

/// GET a path, with further header lines (`"Accept-Encoding: gzip\r\n"`) or none.
///
/// # Errors
/// No connection within a second, no full answer within 30, or not HTTP.
pub fn get_with(address: SocketAddr, path: &str, headers: &str) -> Result<Answer> {
    ask(address, "GET", path, headers, b"")
}

/// POST a body, with header lines of its own.
///
/// # Errors
/// As [`get_with`].
pub fn post(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
    let headers = format!("Content-Length: {}\r\n{headers}", body.len());
    ask(address, "POST", path, &headers, body)
}

fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))
        .with_context(|| format!("nothing answers on {address}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes())?;
    // A server may refuse a body before it has read all of it.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut bytes).with_context(|| format!("reading {path}"))?;
    split(&bytes).with_context(|| format!("the answer to {path} is not HTTP"))
}

/// GET a path and expect 200.
///
/// # Errors
/// As [`get_with`], or another status, with the body's beginning.
pub fn get(address: SocketAddr, path: &str) -> Result<String> {
    let answer = get_with(address, path, "")?;
    let text = answer.text()?;
    if answer.status != 200 {
        let start: String = text.chars().take(500).collect();
        bail!("{path} answered {}: {start}", answer.status);
    }
    Ok(text.to_owned())
}

fn split(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: bytes.get(end + 4..)?.to_vec() })
}

/// A query value with everything but letters and digits escaped.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A port of the loopback address on which nothing listens now, for programs that cannot be told to
/// take one themselves.
///
/// # Errors
/// The machine has no free port.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
