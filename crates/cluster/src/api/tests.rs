//! The reader against a server that does what a real one does not: garbage, floods, hanging up.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;

/// What the server answers to the question with this number: a list's or a watch's body.
type Script = fn(&Asked) -> Reply;

struct Asked {
    /// How many lists were asked for before.
    lists: usize,
    /// How many watches were asked for before.
    watches: usize,
    /// Path with its parameters.
    path: String,
}

enum Reply {
    /// A whole answer.
    Body(u16, Vec<u8>),
    /// Lines of a watch, which stays open.
    Lines(Vec<u8>),
}

fn ok(body: impl Into<Vec<u8>>) -> Reply {
    Reply::Body(200, body.into())
}

/// A list of pods by these names, with a token to go on by or none.
fn pods(names: &[&str], token: &str) -> Reply {
    let items: Vec<_> = names.iter().map(|name| pod(name)).collect();
    ok(serde_json::json!({"metadata": {"resourceVersion": "5", "continue": token}, "items": items})
        .to_string())
}

fn pod(name: &str) -> serde_json::Value {
    serde_json::json!({"metadata": {
        "name": name, "namespace": "ml", "uid": format!("uid-{name}"), "resourceVersion": "6"
    }})
}

fn event(kind: &str, object: &serde_json::Value) -> Vec<u8> {
    format!("{}\n", serde_json::json!({"type": kind, "object": object})).into_bytes()
}

struct Server {
    address: String,
    lists: Arc<AtomicUsize>,
    watches: Arc<AtomicUsize>,
}

impl Server {
    fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (lists, watches) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (Arc::clone(&lists), Arc::clone(&watches));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (lists, watches) = (Arc::clone(&counts.0), Arc::clone(&counts.1));
                std::thread::spawn(move || answer(stream, script, &lists, &watches));
            }
        });
        Self { address, lists, watches }
    }

    fn watches(&self) -> usize {
        self.watches.load(Ordering::SeqCst)
    }

    fn lists(&self) -> usize {
        self.lists.load(Ordering::SeqCst)
    }

    fn read(&self) -> (Api, tempfile::TempDir) {
        let text = format!(
            "{{clusters: [{{name: c, cluster: {{server: '{}'}}}}], users: [{{name: u, user: {{token: t}}}}],\n \
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}], current-context: x}}",
            self.address
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, text).unwrap();
        let access = Access::Kubeconfig { path, context: None };
        let pace = Pace {
            first_wait: Duration::from_millis(40),
            longest_wait: Duration::from_millis(200),
            ..Pace::default()
        };
        let settings = Settings { access, node: Some("a".to_owned()), pace, ..Settings::default() };
        (Api::start(settings), folder)
    }
}

/// Answer one question about pods; slices are not served.
fn answer(mut stream: TcpStream, script: Script, lists: &AtomicUsize, watches: &AtomicUsize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    assert!(!path.contains("/pods") || path.contains("spec.nodeName%3Da"), "{path}");
    let is_watch = path.contains("watch=true");
    let mut asked = Asked {
        lists: lists.load(Ordering::SeqCst),
        watches: watches.load(Ordering::SeqCst),
        path,
    };
    let reply = if !asked.path.starts_with("/api/v1/pods") {
        Reply::Body(404, Vec::new())
    } else if is_watch {
        asked.watches = watches.fetch_add(1, Ordering::SeqCst);
        script(&asked)
    } else {
        asked.lists = lists.fetch_add(1, Ordering::SeqCst);
        script(&asked)
    };
    // A client that has seen enough hangs up.
    let _ = match reply {
        Reply::Body(code, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {code} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body))
        }
        Reply::Lines(lines) => {
            let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            let sent = stream.write_all(head).and_then(|()| stream.write_all(&lines));
            // Open until the client hangs up.
            sent.and_then(|()| stream.read(&mut [0]).map(drop))
        }
    };
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn reason(api: &Api) -> Option<Reason> {
    api.pods_state().lack().map(|lack| lack.reason)
}

#[tokio::test]
async fn a_list_in_pages_is_one_list_and_asks_for_any_version_only_once() {
    let server = Server::start(|asked| match asked {
        Asked { path, .. } if path.contains("watch=true") => {
            assert!(
                path.contains("resourceVersion=5") && path.contains("allowWatchBookmarks=true")
            );
            Reply::Lines(event("ADDED", &pod("c")))
        }
        Asked { lists: 0, path, .. } => {
            assert!(path.contains("resourceVersion=0") && path.contains("limit="), "{path}");
            pods(&["a"], "next")
        }
        Asked { path, .. } => {
            assert!(path.contains("continue=next") && !path.contains("resourceVersion"), "{path}");
            pods(&["b"], "")
        }
    });
    let (api, _folder) = server.read();
    until("all three", || api.pods().all().len() == 3).await;
    assert!(api.pods_state().is_ok());
    until("slices", || *api.slices_state() == State::Absent).await;
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_fault_until_one_comes() {
    let server = Server::start(|asked| match asked {
        Asked { path, .. } if path.contains("watch=true") => Reply::Lines(Vec::new()),
        Asked { lists: 0, .. } => ok("<html>not a cluster</html>"),
        Asked { lists: 1, .. } => ok(vec![0xff; 100]),
        Asked { lists: 2, .. } => Reply::Body(500, b"{\"message\":\"etcd is ill\"}".to_vec()),
        Asked { lists: 3, .. } => ok(r#"{"items":[{"metadata":{"name":5}}]}"#),
        _ => pods(&["a"], ""),
    });
    let (api, _folder) = server.read();
    until("a fault", || reason(&api) == Some(Reason::BadAnswer)).await;
    until("the pod", || api.pods().all().len() == 1 && api.pods_state().is_ok()).await;
}

#[tokio::test]
async fn a_list_without_end_and_one_without_measure_are_refused() {
    let server = Server::start(|_| pods(&["a"], "more"));
    let (api, _folder) = server.read();
    until("the end of patience", || reason(&api) == Some(Reason::BadAnswer)).await;
    assert!(api.pods().all().is_empty() && server.lists() >= 64);

    let server = Server::start(|_| ok(vec![b' '; 33 << 20]));
    let (api, _folder) = server.read();
    until("too large", || {
        api.pods_state().lack().is_some_and(|lack| lack.message.contains("over 33554432 bytes"))
    })
    .await;
}

#[tokio::test]
async fn a_line_without_end_breaks_the_watch_and_the_list_is_made_again() {
    let server = Server::start(|asked| match asked {
        Asked { path, watches: 0, .. } if path.contains("watch=true") => {
            Reply::Lines(vec![b'x'; 9 << 20])
        }
        Asked { path, .. } if path.contains("watch=true") => {
            Reply::Lines(event("ADDED", &pod("b")))
        }
        _ => pods(&["a"], ""),
    });
    let (api, _folder) = server.read();
    until("the second watch", || api.pods().all().len() == 2).await;
    assert_eq!(server.lists(), 2);
}

#[tokio::test]
async fn a_version_that_is_gone_is_no_fault_and_twice_in_a_row_is_one() {
    const GONE: &str = r#"{"kind":"Status","code":410,"message":"too old resource version"}"#;
    let server = Server::start(|asked| match asked {
        Asked { path, watches: 0, .. } if path.contains("watch=true") => {
            Reply::Lines(event("ERROR", &serde_json::from_str(GONE).unwrap()))
        }
        Asked { path, .. } if path.contains("watch=true") => Reply::Body(410, GONE.into()),
        _ => pods(&["a"], ""),
    });
    let (api, _folder) = server.read();
    until("a third list", || server.lists() >= 3).await;
    until("a fault", || reason(&api) == Some(Reason::WatchBroken)).await;
    assert_eq!(api.pods().all().len(), 1, "what is known stays");
}

#[tokio::test]
async fn a_server_that_hangs_up_on_every_watch_is_not_asked_without_pause() {
    let server = Server::start(|asked| match asked {
        Asked { path, .. } if path.contains("watch=true") => ok(event("ADDED", &pod("b"))),
        _ => pods(&["a"], ""),
    });
    let (api, _folder) = server.read();
    let begun = Instant::now();
    until("some watches", || server.watches() >= 6).await;
    // Waits of 40, 80, 160, 200 and 200 ms, and by chance half of each.
    assert!(begun.elapsed() > Duration::from_millis(300), "{:?}", begun.elapsed());
    assert_eq!(server.lists(), 1, "a watch that broke goes on from where it was");
    assert_eq!(api.pods().all().len(), 2);
    assert!(reason(&api).is_none() || reason(&api) == Some(Reason::WatchBroken));
}

#[tokio::test]
async fn dropping_the_reader_ends_its_questions() {
    let server = Server::start(|_| Reply::Body(500, Vec::new()));
    let (api, _folder) = server.read();
    until("some questions", || server.lists() >= 2).await;
    drop(api);
    tokio::time::sleep(Duration::from_millis(50)).await; // One may be on its way.
    let asked = server.lists();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(server.lists(), asked);
}
