//! The fleet of a real server, from pages of the real exporter, in the forms of `who`.

use expect_test::expect;
use server::Access;

use super::{Snapshot, look};
use crate::language::Language;
use crate::remote::testing::{Running, golden};
use crate::table::Look;
use crate::who::{choose, csv, table, usual_of_fleet};

const LOOK: Look = Look { width: Some(110), heads: true, coloured: false };

#[test]
fn every_node_of_a_server_is_shown_with_its_sessions_and_states() {
    let running = Running::new(Access::local());
    running.ingest("10.0.0.2:9400", &golden("h100-mixed"), 0);
    running.ingest("10.0.0.1:9400", &golden("fault-lost"), 0);
    let who = look(&running.way()).unwrap().who;
    expect![[r#"
        NODE   GPU    WHO            PID  COMMAND                 SINCE    MEMORY     USE  STATE
        gpu-a  0      -                -  GPU lost by the driver      -         -       -  lost
        gpu-a  0      kim           4001  python3                    0s         -       -  active
        gpu-a  1      kim           4002  python3                    0s  20.0 GiB  58.0 %  active
        gpu-b  0      pod 67878626  2152  python3                    0s  61.0 GiB  96.6 %  active
        gpu-b  1      -                -  -                           -         -       -  idle
        gpu-b  2_0_0  pod 994c2d7c  2183  python3                    0s  22.0 GiB  21.2 %  active
        gpu-b  2_1_0  kim           2203  python                     0s   6.0 GiB       -  unknown
        gpu-b  2_1_0  lee           2234  python                     0s   5.0 GiB       -  unknown
        gpu-b  2_2_0  kim           2256  python                     0s   3.0 GiB   0.0 %  unknown
        gpu-b  2_3_0  -                -  -                           -         -       -  idle
    "#]]
    .assert_eq(&table(&who, &usual_of_fleet(), Language::English, LOOK));
    assert_eq!(who.node, None, "several");
    let json: serde_json::Value = serde_json::from_str(&who.json().unwrap()).unwrap();
    let busy = &json["gpus"][2];
    assert_eq!((&busy["node"], &busy["gpu"]), (&"gpu-b".into(), &"0".into()));
    // As the page has it, to the byte.
    assert_eq!(busy["sessions"][0]["memory_bytes"], 65_498_251_264_u64);
    assert_eq!(busy["sessions"][0]["utilization_ratio"], 0.966);
    assert_eq!(busy["sessions"][0]["since"], "2026-07-14T05:00:00Z");
    assert_eq!(busy["sessions"][0]["pod"], serde_json::Value::Null);
    let columns = choose(&["node".into(), "gpu".into(), "pid".into()], false).unwrap();
    assert!(csv(&who, &columns, true).starts_with("node,gpu,pid\ngpu-a,0,"));
}

#[test]
fn a_fleet_of_one_says_its_node_and_a_stopped_one_is_gone() {
    let running = Running::new(Access::local());
    running.ingest("10.0.0.1:9400", &golden("rtx2080s-encode"), 200);
    let who = look(&running.way()).unwrap().who;
    assert_eq!(who.node.as_deref(), Some("desk"));
    expect![[r#"
        NODE  GPU  WHO  PID  COMMAND                 SINCE  MEMORY  USE  STATE
        desk  0    -      -  node no longer reports      -       -    -  gone
    "#]]
    .assert_eq(&table(&who, &usual_of_fleet(), Language::English, LOOK));
    expect![[r#"
        NODE  GPU  WHO  PID  COMMAND                       SINCE  MEMORY  USE  STATE
        desk  0    -      -  노드가 더 이상 보고하지 않음      -       -    -  보고 없음
    "#]]
    .assert_eq(&table(&who, &usual_of_fleet(), Language::Korean, LOOK));
}

#[test]
fn a_server_without_gpu_says_what_it_looked_for() {
    let running = Running::new(Access::local());
    let found = look(&running.way()).unwrap().no_gpu.unwrap();
    assert!(found.sentence(Language::English).contains("has no GPU to show"));
    assert_eq!(found.details(Language::English), "nothing has sent readings yet");
    running.app.set_sources(vec![server::Source {
        name: "nvml".into(),
        ok: false,
        looked_for: "libnvidia-ml.so.1".into(),
        problem: "not found".into(),
        remedy: String::new(),
        korean: None,
    }]);
    // The picture is kept for an interval: ask another server of the same kind.
    let other = Running::new(Access::local());
    other.app.set_sources(vec![server::Source {
        name: "nvml".into(),
        ok: false,
        looked_for: "libnvidia-ml.so.1".into(),
        problem: "not found".into(),
        remedy: String::new(),
        korean: None,
    }]);
    let found = look(&other.way()).unwrap().no_gpu.unwrap();
    assert_eq!(found.details(Language::English), "libnvidia-ml.so.1: not found");
}

#[test]
fn a_snapshot_that_does_not_hold_together_reads_as_unknown() {
    let text = r#"{"schema":1,"at":"?","dict":{"state":["free"],"node":[]},
        "gpu":{"uuid":["a","b"],"node":[0,7],"state":[3],"index":[-1]},
        "mig":{"gpu":[9]},"session":{"session":["s","t"],"pid":[5],"gpu":[0],"mem_mib":[null]}}"#;
    let snapshot: Snapshot = serde_json::from_str(text).unwrap();
    let who = snapshot.look("server").who;
    assert_eq!(who.gpus.len(), 2);
    assert!(who.gpus.iter().all(|gpu| gpu.state == "unknown"));
    let session = &who.gpus[0].sessions[0];
    assert_eq!((session.pid, session.state, session.memory_bytes), (5, "unknown", None));
}
