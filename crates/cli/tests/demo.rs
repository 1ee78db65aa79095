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
                let sim::world::process::Owner::Pod { pod, .. } = &node.process(&occurrence).owner
                else {
                    continue;
                };
                let pod = node.pods[*pod].name.clone();
                let key = vec![node.name.clone(), gpu.to_string(), pod];
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
fn pods_jobs_and_replicas_hold_their_devices_with_and_without_a_process() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &["--history", "0s"]);
    let one = |query: &str, labels: &[&str]| {
        let found = at_first(&server, query, labels);
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        found.into_iter().next().unwrap()
    };

    // A notebook that holds a GPU and runs nothing on it.
    let unused = "gpu_allocation_info{instance=\"h200-01\",gpu=\"7\"}";
    let (of_unused, _) = one(unused, &["exported_namespace", "exported_container", "resource"]);
    assert_eq!(of_unused, ["llm-research", "notebook", "nvidia.com/gpu"]);
    let on = |metric: &str| format!("{metric} * on(instance,gpu,allocation) group_left() {unused}");
    assert_eq!(one(&on("gpu_allocation_sessions"), &[]).1, "0");
    assert_eq!(one(&on("gpu_allocation_finding"), &["finding"]).0, ["no_process"]);
    let held_for = one(&on("gpu_allocation_gpu_seconds_total"), &["state"]);
    assert_eq!(held_for.0, ["allocated"]);
    assert!(held_for.1.parse::<f64>().unwrap() > 600.0, "{held_for:?}");
    let started = one(&on("gpu_allocation_start_time_seconds"), &[]).1.parse::<f64>().unwrap();
    let an_hour_before = f64::from(u32::try_from(AT - 3600).unwrap());
    assert!(started < an_hour_before, "{started}");

    // The device's own samples name the one pod that holds it, and none of several.
    let util = |place: &str| format!("DCGM_FI_DEV_GPU_UTIL{{{place}}}");
    let names = ["exported_pod", "pod", "exported_namespace"];
    let (whole, _) = one(&util("instance=\"h200-01\",gpu=\"7\""), &names);
    assert!(whole[0].starts_with("jupyter-novak-") && whole[0] == whole[1], "{whole:?}");
    let (shared, _) = one(&util("instance=\"l4-01\",gpu=\"5\""), &names);
    assert_eq!(shared, ["", "", ""]);
    let shares = "gpu_allocation_share_ratio{instance=\"l4-01\",gpu=\"5\"}";
    let shares = at_first(&server, shares, &["allocation"]);
    assert_eq!(shares.values().collect::<Vec<_>>(), ["0.25"; 3]);

    // A MIG device under the name of its profile, alone and shared by two.
    let (mig, _) = one(
        "gpu_allocation_info{instance=\"h100-04\",exported_pod=~\"jupyter-moon-.*\",gpu=~\"2_.*\"}",
        &["resource", "GPU_I_ID"],
    );
    assert_eq!(mig, ["nvidia.com/mig-3g.40gb", "2"]);
    let on_instance = "DCGM_FI_DEV_FB_USED{instance=\"h100-04\",gpu=\"2\",GPU_I_ID=\"2\"}";
    assert!(one(on_instance, &names).0[0].starts_with("jupyter-moon-"));
    let two = "gpu_allocation_share_ratio{instance=\"h100-04\",gpu=~\"2_1_.*\"}";
    let two = at_first(&server, two, &["allocation"]);
    assert_eq!(two.values().collect::<Vec<_>>(), ["0.5"; 2]);

    // A Slurm job, on the machine that was last heard of three minutes ago.
    let job = "last_over_time(gpu_allocation_info{slurm_job=\"48190\"}[10m])";
    assert_eq!(
        at_first(&server, job, &["gpu"]).into_keys().flatten().collect::<Vec<_>>(),
        ["4", "5"]
    );
    let of_job = "last_over_time(DCGM_FI_DEV_GPU_UTIL{instance=\"rtx-01\",gpu=\"4\"}[10m])";
    assert_eq!(one(of_job, &["hpc_job"]).0, ["48190"]);

    // Every pod's process on a device that its container holds has its allocation.
    let without = "gpu_session_info{exported_pod!~\"|unknown\",allocation=\"\"} \
                   unless on(instance,session) gpu_session_state{state=\"ended\"}";
    assert!(at_first(&server, without, &[]).is_empty());
    let workloads = "count by(workload_kind)(gpu_session_info{kind=\"pod\"})";
    let workloads = at_first(&server, workloads, &["workload_kind"]);
    for kind in ["Deployment", "StatefulSet", "Job", "PyTorchJob"] {
        assert!(workloads.contains_key(&vec![kind.to_owned()]), "{workloads:?}");
    }
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
