//! `gpulse up` on a machine, with and without GPU.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::path::Path;
use std::time::Duration;

use running::{Server, gpulse, standing_clock, start_program};
use sim::SimClock;

fn start(home: &Path, args: &[&str]) -> Server {
    start_program(gpulse(home).args(["up", "--listen", "127.0.0.1:0"]), args)
}

/// The values that a query is answered with.
fn values(server: &Server, query: &str) -> Vec<f64> {
    let body = server.query(query, None).unwrap_or_default();
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let rows = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| row["value"][1].as_str()?.parse().ok()).collect()
}

fn wait_for_values(server: &Server, query: &str) -> Vec<f64> {
    running::wait_for(query, || Some(values(server, query)).filter(|found| !found.is_empty()))
}

#[test]
fn readings_are_stored_and_answered_and_the_state_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--sim", "h100-mixed", "--data", "kept"]);
    assert_eq!(wait_for_values(&server, "count(DCGM_FI_DEV_GPU_TEMP)").len(), 1);
    // Two whole GPUs and four MIG devices.
    assert_eq!(wait_for_values(&server, "count(gpu_device_info)"), [6.0]);
    assert_eq!(wait_for_values(&server, "up{job=\"gpulse\",instance=\"gpu-b\"}"), [1.0]);
    // Who holds a GPU stands under both names.
    let both = "count(gpu_process_info{exported_pod!=\"\",pod!=\"\"})";
    assert_eq!(wait_for_values(&server, both), wait_for_values(&server, "count(gpu_process_info)"));
    let picture = server.get("/api/v1/snapshot").unwrap();
    assert!(picture.contains("NVIDIA H100 80GB HBM3"), "{picture}");
    let log = server.stop("TERM");
    assert!(log.contains("simulated machine"), "{log}");
    assert!(home.path().join("kept/exporter.state").is_file());

    // The next one goes on from both.
    let server = start(home.path(), &["--sim", "no-gpu", "--data", "kept"]);
    let before = "count(last_over_time(gpu_device_info[10m]))";
    assert_eq!(wait_for_values(&server, before), [6.0]);
    server.stop("TERM");
}

#[test]
fn without_a_gpu_it_says_what_it_looked_for_and_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--sim", "no-gpu"]);
    let picture = running::wait_for("what was looked for", || {
        server.get("/api/v1/snapshot").filter(|picture| picture.contains("libnvidia-ml.so.1"))
    });
    assert!(picture.contains("install the NVIDIA driver"), "{picture}");
    assert!(server.get("/readyz").is_some());
    let log = server.stop("INT");
    assert!(log.contains("gpulse demo"), "{log}");
    // Of a simulated machine nothing stays.
    assert!(!home.path().join(".local").exists());
}

#[test]
fn a_driver_that_appears_is_picked_up() {
    let home = tempfile::tempdir().unwrap();
    let clock = standing_clock(home.path(), Duration::from_secs(100));
    let file = clock.to_str().unwrap();
    let server = start(home.path(), &["--sim", "fault-driver-unload", "--sim-clock", file]);
    running::wait_for("no driver", || {
        server.get("/api/v1/snapshot").filter(|picture| picture.contains("kernel module"))
    });
    let clock = SimClock::open(&clock).unwrap();
    running::wait_for("the driver", || {
        clock.advance(Duration::from_secs(5)).unwrap();
        Some(values(&server, "count(DCGM_FI_DEV_GPU_TEMP)")).filter(|found| found == &[2.0])
    });
    server.stop("TERM");
}

#[test]
fn a_real_machine_keeps_its_data_in_the_users_folder() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state");
    let mut command = gpulse(home.path());
    command.env("STATE_DIRECTORY", &state).args(["up", "--listen", "127.0.0.1:0"]);
    let server = start_program(&mut command, &[]);
    running::wait_for("an answer", || server.get("/readyz"));
    server.stop("TERM");
    assert!(state.join("store").is_dir() && state.join("exporter.state").is_file());
}
