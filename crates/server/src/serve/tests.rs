//! A real port: clients that hang up, that are slow, that send too much, and a clean end.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::testing::{NOW, app, import, query};
use crate::{Config, Limits};

/// A server on a port of its own.
struct Site {
    app: App,
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    ended: Receiver<Result<(), ServeError>>,
    folder: TempDir,
}

fn site(config: Config) -> Site {
    let (app, folder) = app(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (end, ended) = std::sync::mpsc::channel();
    let served = app.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stopped = async { drop(stopped.await) };
        end.send(runtime.block_on(serve(served, listener, stopped))).unwrap();
    });
    Site { app, address, stop: Some(stop), ended, folder }
}

impl Site {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// All that comes back until the server closes.
    fn send(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn end(&mut self) -> Duration {
        let begun = Instant::now();
        drop(self.stop.take());
        self.ended.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
        begun.elapsed()
    }
}

fn until(what: &str, done: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    begun.elapsed()
}

/// Four hours of 1,000 series.
fn fill(app: &App) {
    let mut page = String::new();
    for minute in (0..240).step_by(4) {
        let time = NOW - minute * 60_000;
        (0..1000).for_each(|n| page.push_str(&format!("a{{n=\"{n}\"}} {minute} {time}\n")));
    }
    import(app, &page);
}

#[test]
fn a_client_that_hangs_up_ends_its_query() {
    let engine = promql::Options { max_samples: usize::MAX, ..promql::Options::default() };
    let mut site = site(Config { engine, ..Config::default() });
    let free = || site.app.queries().available_permits() == site.app.config().limits.queries;
    fill(&site.app);
    // A quarter of an hour of a second each, looked at anew in 10,000 steps, 1,000 times.
    let long = "double_exponential_smoothing(a%5B15m:1s%5D,0.5,0.5)";
    let mut stream = site.connect();
    let end = NOW / 1000;
    let path = format!("/api/v1/query_range?query={long}&start={}&end={end}&step=1", end - 10_000);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    until("the query runs", || !free());
    std::thread::sleep(Duration::from_millis(300));
    assert!(!free(), "the query ends by itself too soon to show anything");
    drop(stream);
    let took = until("the query ends", free);
    assert!(took < Duration::from_secs(4), "{took:?}");
    site.end();
}

#[test]
fn heads_that_are_too_long_or_too_slow_are_not_waited_for() {
    let limits = Limits { head_time: Duration::from_millis(300), ..Limits::default() };
    let site = site(Config { limits, ..Config::default() });
    let many = (0..101).map(|at| format!("x-{at}: 1\r\n")).collect::<String>();
    let answer = site.send(&format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = "x".repeat(64 << 10);
    let answer = site.send(&format!("GET /?{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414"), "{answer}");
    let begun = Instant::now();
    assert!(!site.send("GET /healthz HTTP/1.1\r\nHost: loc").contains("200 OK"));
    assert!(begun.elapsed() < Duration::from_secs(5), "closed after {:?}", begun.elapsed());
    let good = site.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(good.starts_with("HTTP/1.1 200"), "{good}");
}

#[test]
fn a_body_that_never_ends_gives_its_place_back() {
    let limits = Limits { body_time: Duration::from_millis(300), ..Limits::default() };
    let site = site(Config { limits, ..Config::default() });
    let head = "POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc";
    let answer = site.send(head);
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after"), "{answer}");
    assert_eq!(site.app.writes().available_permits(), site.app.config().limits.writes);
}

#[test]
fn it_stops_with_connections_open_and_keeps_what_it_acknowledged() {
    let mut site = site(Config::default());
    let page = "kept 1\n";
    let request = format!(
        "POST /api/v1/import/prometheus HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    );
    assert!(site.send(&request).starts_with("HTTP/1.1 204"));
    let mut idle = site.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 12]).unwrap();
    let never_reads = site.connect();
    assert!(site.end() < Duration::from_secs(5));
    drop(never_reads);
    assert!(TcpStream::connect(site.address).is_err(), "the port is given back");
    let Site { app, folder, .. } = site;
    drop(app);
    let options = store::Options::new(folder.path());
    // The routes of the server are gone when its thread is; the folder's lock goes with them.
    let mut opened = None;
    until("the folder is free", || {
        store::Store::open(Arc::new(journal::RealDisk), options.clone(), NOW).is_ok()
    });
    let (store, _) = store::Store::open(Arc::new(journal::RealDisk), options, NOW).unwrap();
    opened.replace(App::new(Arc::new(store), Config::default()));
    assert_eq!(query(&opened.unwrap(), "kept", NOW).len(), 1);
}
