//! `gpulse query` as a person meets it: answers in every form, and what is said when there is none.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use running::{Server, gpulse, run, start_program};

fn start(home: &Path) -> Server {
    start_program(gpulse(home).args(["server", "--listen", "127.0.0.1:0"]), &["--data", "kept"])
}

fn import(server: &Server, page: &str) {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let head = "POST /api/v1/import/prometheus HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{page}", page.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

#[test]
fn an_answer_comes_in_the_form_that_was_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path());
    import(&server, "gpu_test{gpu=\"3\",node=\"a\"} 42.5\ngpu_test{gpu=\"4\",node=\"a\"} 7\n");
    let url = format!("http://{}", server.address);
    let ask = |more: &[&str]| {
        let args = [&["query", "gpu_test", "--server", &url], more].concat();
        run(home.path(), &args)
    };
    let table = ask(&[]);
    assert!(table.starts_with("exit 0\n") && table.contains("42.5"), "{table}");
    let json = ask(&["--json"]);
    assert!(json.contains("\"schema_version\"") && json.contains("42.5"), "{json}");
    let csv = ask(&["--csv"]);
    assert!(csv.contains(',') && csv.contains("42.5"), "{csv}");
    let nothing = run(home.path(), &["query", "no_such_metric", "--server", &url]);
    assert!(nothing.starts_with("exit 0\n"), "{nothing}");
    let wrong = run(home.path(), &["query", "sum(", "--server", &url]);
    assert!(!wrong.starts_with("exit 0\n") && wrong.contains('^'), "{wrong}");
    server.stop("TERM");
}

#[test]
fn a_server_that_cannot_be_reached_is_exit_code_5() {
    let home = tempfile::tempdir().unwrap();
    let report = run(home.path(), &["query", "up", "--server", "http://127.0.0.1:1"]);
    assert!(report.starts_with("exit 5\n"), "{report}");
    let who = run(home.path(), &["who", "--server", "http://127.0.0.1:1"]);
    assert!(who.starts_with("exit 5\n"), "{who}");
}
