//! `gpulse demo` from start to end: its figures are those of the simulated world, the same each time.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use running::{Server, gpulse, run, start_program};
use sim::{Fleet, Scenario, World};

/// 2026-01-15T09:00:00Z.
const AT: i64 = 1_768_467_600;
const CLOCK: &str = "2026-01-15T09:00:00Z";

fn start(home: &Path, args: &[&str]) -> Server {
    let mut command = gpulse(home);
    let temporary = home.join("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    command.env("TMPDIR", temporary);
    command.args(["demo", "--clock", CLOCK, "--listen", "127.0.0.1:0"]);
    start_program(&mut command, args)
}

/// What a query is answered with at the first picture: labels, as asked, to value.
fn at_first(server: &Server, query: &str, labels: &[&str]) -> BTreeMap<Vec<String>, String> {
    running::wait_for("readiness", || server.get("/readyz"));
    let body = server.query(query, Some(AT)).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let rows = answer["data"]["result"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let key = |row: &serde_json::Value| labels.iter().map(|l| text(&row["metric"][*l])).collect();
    rows.iter().map(|row| (key(row), text(&row["value"][1]))).collect()
}

#[test]
fn figures_are_those_of_the_world() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--nodes", "2", "--history", "0s"]);
    let found = at_first(&server, "DCGM_FI_DEV_FB_USED", &["instance", "gpu"]);

    let age = Duration::from_secs(90 * 60);
    let fleet = Fleet { nodes: 2, age, ..Fleet::default() };
    let world = Arc::new(World::new(&Scenario::fleet(&fleet).unwrap()));
    let age_us = i64::try_from(age.as_micros()).unwrap();
    let mut truth = BTreeMap::new();
    for node in world.nodes() {
        for gpu in &node.gpus {
            let used = gpu.memory(node, age_us, None).used >> 20;
            truth.insert(vec![node.name.clone(), gpu.index.to_string()], used.to_string());
        }
    }
    assert_eq!(found, truth);

    // A session per process, each under the name of its pod.
    let sessions = at_first(&server, "gpu_session_info", &["instance", "gpu", "exported_pod"]);
    let mut there = BTreeMap::new();
    for node in world.nodes() {
        for gpu in 0..node.gpus.len() {
            for (occurrence, _) in node.on_gpu(gpu, age_us) {
                let sim::world::process::Owner::Pod { names, .. } =
                    &node.process(&occurrence).owner
                else {
                    continue;
                };
                let key = vec![node.name.clone(), gpu.to_string(), names.pod.clone()];
                there.insert(key, "1".to_owned());
            }
        }
    }
    assert!(there.len() >= 16, "{there:?}");
    assert_eq!(sessions, there);
    let log = server.stop("TERM");
    assert_eq!(log, "exit 0\n");
    assert_eq!(std::fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn the_same_seed_and_time_give_the_same_figures() {
    let figures = |seed: &str| {
        let home = tempfile::tempdir().unwrap();
        let server = start(home.path(), &["--nodes", "9", "--seed", seed, "--history", "0s"]);
        let query = "{__name__=~\"DCGM_FI_.*|gpu_.*\"}";
        let labels = ["__name__", "instance", "gpu", "GPU_I_ID", "session", "state", "run", "le"];
        let figures = at_first(&server, query, &labels);
        server.stop("INT");
        figures
    };
    let (one, again, other) = (figures("42"), figures("42"), figures("7"));
    assert!(one.len() > 3000, "{}", one.len());
    let differs = one.iter().find(|(key, value)| again.get(*key) != Some(*value));
    assert_eq!(differs, None);
    assert_ne!(one, other);
}

#[test]
fn every_state_shows_and_the_past_is_filled_in() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--history", "30m"]);
    let states = at_first(&server, "count by(state)(gpu_session_state)", &["state"]);
    for state in ["active", "idle", "held", "stale", "starting", "unknown", "ended"] {
        assert!(states.contains_key(&vec![state.to_owned()]), "{state}: {states:?}");
    }
    let all = at_first(&server, "count(count by(UUID)(gpu_device_info))", &[]);
    assert_eq!(all.values().next().unwrap(), "56", "one machine is down");
    running::wait_for("the past", || {
        let past = server.get("/api/v1/snapshot")?;
        past.contains("\"backfill\":null").then_some(())
    });
    let query = "count_over_time(DCGM_FI_DEV_GPU_TEMP{instance=\"h100-01\",gpu=\"0\"}[30m])";
    let past = at_first(&server, query, &[]);
    // One a minute, and the one of now.
    assert_eq!(past.values().next().unwrap(), "30");
    let falls = "count(resets(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{instance=~\"h100.*\"}[30m])>0)";
    assert!(at_first(&server, falls, &[]).is_empty());
    server.stop("TERM");
}

#[test]
fn another_scenario_is_shown_too() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--scenario", "h100-mixed"]);
    let found = at_first(&server, "count(gpu_device_info)", &[]);
    assert_eq!(found.values().next().unwrap(), "6");
    server.stop("TERM");
}

#[test]
fn slips_are_answered_with_what_is_right() {
    let home = tempfile::tempdir().unwrap();
    for (args, hint) in [
        (&["--node", "9"][..], "--nodes"),
        (&["--nodes", "0"][..], "1..="),
        (&["--clock", "soon"][..], "2026-01-15T09:00:00Z"),
        (&["--history", "30d"][..], "at most"),
        (&["--scenario", "h100-mixd"][..], "h100-mixed"),
        (&["--scenario", "h100-mixed", "--nodes", "3"][..], "cannot be used with"),
        (&["--seed", "x"][..], "--seed"),
    ] {
        let refused = run(home.path(), &[&["demo"], args].concat());
        assert!(refused.starts_with("exit 2\n") && refused.contains(hint), "{args:?}: {refused}");
    }
}
