//! `gpulse server` as an operator meets it: the port, the folder, what is refused, the check.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use running::{Server, gpulse, run, start_program};

fn start(home: &Path, args: &[&str]) -> Server {
    start_program(gpulse(home).args(["server", "--listen", "127.0.0.1:0"]), args)
}

/// Send a page of text; the status line.
fn import(server: &Server, page: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let head = "POST /api/v1/import/prometheus HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{page}", page.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart_and_passes_the_check() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--data", "kept"]);
    let status = import(&server, "gpu_test{gpu=\"3\"} 42.5\n");
    assert!(status.contains(" 20"), "{status}");
    let log = server.stop("TERM");
    assert!(log.contains("stopping"), "{log}");

    let report = run(home.path(), &["server", "--data", "kept", "--verify"]);
    assert!(report.starts_with("exit 0\n"), "{report}");
    let server = start(home.path(), &["--data", "kept", "--wal-fsync", "always"]);
    let answer = running::wait_for("an answer", || server.get("/api/v1/query?query=gpu_test"));
    assert!(answer.contains("42.5") && answer.contains(r#""gpu":"3""#), "{answer}");
    server.stop("INT");
}

#[test]
fn damage_is_found_and_the_code_says_so() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--data", "kept"]);
    let page: String = (0..500).map(|n| format!("gpu_test{{n=\"{n}\"}} {n}\n")).collect();
    import(&server, &page);
    server.stop("TERM");
    let log = largest_file(&home.path().join("kept/store"));
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&log, bytes).unwrap();
    let report = run(home.path(), &["server", "--data", "kept", "--verify"]);
    assert!(report.starts_with("exit 1\n") && report.contains("damaged: "), "{report}");
}

fn largest_file(folder: &Path) -> std::path::PathBuf {
    let mut all = vec![folder.to_owned()];
    let mut largest = (0, folder.to_owned());
    while let Some(path) = all.pop() {
        if path.is_dir() {
            all.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let size = path.metadata().unwrap().len();
            largest = largest.max((size, path));
        }
    }
    largest.1
}

#[test]
fn a_folder_belongs_to_one_process_and_the_other_is_named() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--data", "kept"]);
    let second = run(home.path(), &["server", "--listen", "127.0.0.1:0", "--data", "kept"]);
    assert!(second.starts_with("exit 1\n"), "{second}");
    for part in ["data folder kept", "in use by process", "another data folder"] {
        assert!(second.contains(part), "{part}: {second}");
    }
    server.stop("TERM");
}

#[test]
fn a_folder_of_a_newer_version_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let blocks = home.path().join("kept/store/blocks");
    std::fs::create_dir_all(&blocks).unwrap();
    let mut block = vec![0; 4096];
    block[..12].copy_from_slice(b"gpulseBk\x09\0\0\0");
    std::fs::write(blocks.join("00000000000000-00000000-0.block"), block).unwrap();
    let refused = run(home.path(), &["server", "--listen", "127.0.0.1:0", "--data", "kept"]);
    assert!(refused.starts_with("exit 1\n"), "{refused}");
    assert!(refused.contains("newer version") && refused.contains("format 9"), "{refused}");
}

#[test]
fn a_port_in_use_is_said_before_anything_is_made() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = run(home.path(), &["server", "--listen", &address, "--data", "kept"]);
    assert!(refused.starts_with("exit 1\n") && refused.contains("is in use by"), "{refused}");
    assert!(!home.path().join("kept").exists());
}

#[test]
fn other_machines_are_let_in_only_by_choice() {
    let home = tempfile::tempdir().unwrap();
    let args = ["server", "--listen", "0.0.0.0:0", "--data", "kept"];
    let refused = run(home.path(), &args);
    assert!(refused.starts_with("exit 2\n"), "{refused}");
    assert!(refused.contains("--token-file") && refused.contains("--insecure"), "{refused}");
    let missing = run(home.path(), &[&args[..], &["--token-file", "none"]].concat());
    assert!(missing.starts_with("exit 2\n") && missing.contains("none"), "{missing}");
    assert!(!home.path().join("kept").exists());

    std::fs::write(home.path().join("token"), "a-token-of-sufficient-length\n").unwrap();
    let server = start(home.path(), &["--data", "kept", "--token-file", "token"]);
    assert!(server.get("/api/v1/query?query=1").is_none());
    server.stop("TERM");
}

#[test]
fn slips_are_answered_with_what_is_right() {
    let home = tempfile::tempdir().unwrap();
    for (args, hint) in [
        (&["--retension", "3d"][..], "--retention"),
        (&["--retention", "3x"][..], "write 30s"),
        (&["--retention-size", "half"][..], "80% or 50GiB"),
        (&["--wal-fsync", "often"][..], "interval"),
        (&["--listen", "9470"][..], "127.0.0.1:9400"),
    ] {
        let refused = run(home.path(), &[&["server"], args].concat());
        assert!(refused.starts_with("exit 2\n") && refused.contains(hint), "{args:?}: {refused}");
    }
}

#[test]
fn everything_stands_below_the_prefix() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--data", "kept", "--route-prefix", "/gpu/"]);
    let answer = server.get("/gpu/api/v1/query?query=6*7").unwrap();
    assert!(answer.contains("42"), "{answer}");
    server.stop("TERM");
}
