//! `gpulse exporter` as a service manager runs it: the port, the signals, the names it goes by.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::net::TcpListener;
use std::process::Stdio;

use running::{gpulse, run, start, transcript};

#[test]
fn it_says_where_it_listens_and_answers_there() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--sim", "h100x8-busy"]);
    let page = running::wait_for("a page", || server.get("/metrics").filter(|p| p.len() > 1000));
    let families = model::text::parse(&page).unwrap();
    for name in ["DCGM_FI_DEV_GPU_TEMP", "gpulse_simulated", "gpulse_device_up"] {
        assert!(families.iter().any(|family| family.name == name), "{name}");
    }
    assert!(server.get("/readyz").is_some());
    assert!(server.get("/health").unwrap().starts_with("OK"));
    let log = server.stop("TERM");
    assert!(log.starts_with("exit 0\n"), "{log}");
    assert!(log.contains("simulated machine"), "{log}");
}

#[test]
fn an_interrupt_is_a_clean_end_too() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--sim", "no-gpu", "--log", "info,json"]);
    running::wait_for("an answer", || server.get("/health"));
    let log = server.stop("INT");
    assert!(log.starts_with("exit 0\n"), "{log}");
    let lines = log.lines().filter(|line| line.starts_with('{'));
    for line in lines.clone() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert!(lines.count() > 1, "{log}");
}

#[test]
fn sigusr1_lets_go_of_the_driver_and_takes_it_back() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--sim", "h100-load"]);
    let has_gpu = || {
        server.get("/metrics").filter(|page| page.contains("DCGM_FI_DEV_POWER_USAGE{")).map(drop)
    };
    let has_none = || {
        server.get("/metrics").filter(|page| !page.contains("DCGM_FI_DEV_POWER_USAGE{")).map(drop)
    };
    running::wait_for("figures", has_gpu);
    server.signal("USR1");
    running::wait_for("no figures", has_none);
    server.signal("USR1");
    running::wait_for("figures again", has_gpu);
    server.stop("TERM");
}

#[test]
fn a_port_in_use_says_by_whom_and_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for listen in [format!("127.0.0.1:{port}"), format!(":{port}")] {
        let text = run(home.path(), &["exporter", "--sim", "no-gpu", "--listen", &listen]);
        assert!(text.starts_with("exit 1\n--- stderr\n"), "{text}");
        assert!(text.contains(&format!("port {port} is in use by ")), "{text}");
        assert!(text.contains(&format!("(pid {})", std::process::id())), "{text}");
        assert!(text.contains(&format!("--listen :{}", port + 1)), "{text}");
    }
}

#[test]
fn the_port_is_free_again_at_once() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--sim", "no-gpu"]);
    running::wait_for("an answer", || server.get("/health"));
    let address = server.address.clone();
    server.stop("TERM");
    let again = running::start_on(home.path(), &address, &["--sim", "no-gpu"]);
    running::wait_for("an answer", || again.get("/health"));
    again.stop("TERM");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("gpulse.yaml");
    std::fs::write(&file, "exporter:\n  parts: self\n  host_label: hostname\n").unwrap();
    let config = ["--sim", "h100-load", "--config", file.to_str().unwrap()];
    let of_file = start(home.path(), &config);
    let page = running::wait_for("a page", || of_file.get("/metrics").filter(|p| p.len() > 100));
    assert!(
        page.contains("gpulse_simulated 1") && !page.contains("DCGM_FI_DEV_GPU_TEMP{"),
        "{page}"
    );
    of_file.stop("TERM");
    let of_flag = start(home.path(), &[&config[..], &["--parts", "gpu"]].concat());
    let page = running::wait_for("figures", || {
        of_flag.get("/metrics").filter(|page| page.contains("DCGM_FI_DEV_GPU_TEMP{"))
    });
    assert!(page.contains("hostname=\"") && !page.contains("gpulse_"), "{page}");
    of_flag.stop("TERM");
}

#[test]
fn a_wrong_configuration_is_told_with_file_and_line() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("gpulse.yaml"), "listen: ':9400'\nlisten_on: 3\n").unwrap();
    let text = run(home.path(), &["exporter", "--config", "gpulse.yaml"]);
    assert!(text.starts_with("exit 2\n--- stderr\ngpulse: gpulse.yaml: "), "{text}");
    assert!(text.contains("listen_on") && text.contains("line 2"), "{text}");
    let text = run(home.path(), &["exporter", "--config", "missing.yaml"]);
    assert!(text.starts_with("exit 2\n") && text.contains("missing.yaml"), "{text}");
    let text = run(home.path(), &["exporter", "--parts", "gpus"]);
    assert!(text.starts_with("exit 2\n") && text.contains("gpu, sessions, self"), "{text}");
    let text = run(home.path(), &["exporter", "--listen", "9400"]);
    assert!(text.starts_with("exit 2\n") && text.contains("write :9400"), "{text}");
}

#[test]
fn started_as_dcgm_exporter_it_prints_the_device_metrics_alone() {
    let home = tempfile::tempdir().unwrap();
    let link = home.path().join("dcgm-exporter");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gpulse"), &link).unwrap();
    let server = running::start_program(
        running::program(&link, home.path()).env("DCGM_EXPORTER_LISTEN", "127.0.0.1:0"),
        &["--sim", "h100-load"],
    );
    let page = running::wait_for("figures", || {
        server.get("/metrics").filter(|page| page.contains("DCGM_FI_DEV_GPU_TEMP{"))
    });
    assert!(!page.contains("gpu_session_") && !page.contains("gpulse_"), "{page}");
    server.stop("TERM");
}

#[test]
fn a_library_that_is_the_simulator_is_refused_unless_it_was_named() {
    let home = tempfile::tempdir().unwrap();
    let mut command = gpulse(home.path());
    command.args(["exporter", "--sim", "no-gpu", "--sim-library", "x"]);
    let output = command.stdout(Stdio::piped()).output().unwrap();
    let text = transcript(&output);
    assert!(text.starts_with("exit 2\n"), "one of the two: {text}");
}
