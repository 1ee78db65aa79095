//! States, the funnel and its newest minute, and nodes and GPUs that are gone.

use std::collections::HashMap;

use model::text::Sample;
use serde_json::{Value, json};

use super::fleets::Fleet;
use super::{
    adds_up, app, column, families, golden, ingest, label, number, snapshot, state_of, texts,
};
use crate::testing::NOW;
use crate::{App, Config};

#[test]
fn the_funnel_adds_up_to_the_parts_of_the_newest_minute() {
    let (app, _folder) = app();
    let page = golden("h100-mixed");
    ingest(&app, NOW, "10.0.0.2:9400", &page);
    let funnel = snapshot(&app, NOW)["funnel"].clone();
    adds_up(&funnel);
    // From the page itself: each state's seconds over the device's, by its share of the GPU.
    let samples = families(&page);
    let key = |of: &Sample| (label(of, "gpu").to_owned(), label(of, "UUID").to_owned());
    let mut seconds: HashMap<_, f64> = HashMap::new();
    let mut active: HashMap<_, f64> = HashMap::new();
    for of in &samples["gpu_device_seconds_total"] {
        *seconds.entry(key(of)).or_default() += of.value;
        if label(of, "state") == "active" {
            *active.entry(key(of)).or_default() += of.value;
        }
    }
    let shares = samples["gpu_device_share_ratio"].iter();
    let expected: f64 = shares.map(|of| of.value * active[&key(of)] / seconds[&key(of)]).sum();
    assert!((number(&funnel["active"]) - expected).abs() < 0.001, "{expected} {funnel}");
    assert_eq!(funnel["total"], 3);
}

#[test]
fn only_the_newest_minute_counts() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 1);
    fleet.book(0, "stale", 5000.0);
    fleet.ingest(&app, NOW - 65_000);
    fleet.book(0, "active", 45.0);
    fleet.book(0, "stale", 15.0);
    fleet.ingest(&app, NOW);
    let snapshot = snapshot(&app, NOW);
    assert_eq!(snapshot["funnel"]["active"], 0.75);
    assert_eq!(snapshot["funnel"]["wasted"], 0.25);
    assert_eq!(state_of(&snapshot, 0), "active");
    adds_up(&snapshot["funnel"]);
}

#[test]
fn counters_kept_in_memory_give_what_the_store_gives() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 2);
    let states = ["active", "idle", "unknown", "active", "free"];
    let mut last = Value::Null;
    for step in 0..=36 {
        fleet.book(0, states[step % 5], 5.0);
        fleet.book(1, states[step % 3], 5.0);
        let now = NOW + i64::try_from(step).unwrap() * 5000;
        fleet.ingest(&app, now);
        last = snapshot(&app, now);
    }
    let fresh = crate::live::Live::new(std::sync::Arc::clone(app.store()));
    let fresh = fresh.frame(NOW + 36 * 5000).json(true);
    let fresh: Value = serde_json::from_slice(&fresh).unwrap();
    assert_eq!(last["funnel"], fresh["funnel"]);
    assert_eq!(last["gpu"], fresh["gpu"]);
    // Of the twelve newest steps five and four.
    assert_eq!(last["funnel"]["active"], 0.75);
}

#[test]
fn before_a_minute_is_booked_the_sessions_tell_the_state() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 2);
    // An old exporter, new to this store: its counters say nothing about the newest minute.
    fleet.book(0, "stale", 90_000.0);
    fleet.book(1, "stale", 90_000.0);
    fleet.session(1, "active");
    fleet.ingest(&app, NOW);
    let snapshot = snapshot(&app, NOW);
    assert_eq!((state_of(&snapshot, 0), state_of(&snapshot, 1)), ("free".into(), "active".into()));
}

#[test]
fn a_node_that_stops_reporting_is_gone_but_shown_also_after_a_restart() {
    let (app, folder) = app();
    let mut fleet = Fleet::of(2, 2);
    for step in 0..14 {
        fleet.spend("active", 5.0);
        fleet.ingest(&app, NOW + step * 5000);
        snapshot(&app, NOW + step * 5000);
    }
    fleet.silence(0);
    for step in 14..30 {
        fleet.spend("active", 5.0);
        fleet.ingest(&app, NOW + step * 5000);
        snapshot(&app, NOW + step * 5000);
    }
    let later = NOW + 30 * 5000;
    let check = |snapshot: &Value| {
        assert_eq!(texts(snapshot, "gpu", "state"), ["gone", "gone", "active", "active"]);
        assert_eq!(column(snapshot, "gpu", "util")[0], Value::Null);
        assert_eq!(
            number(&column(snapshot, "gpu", "seen")[0]),
            number(&json!((NOW + 65_000) / 1000))
        );
        let of = |name: &str| number(&snapshot["funnel"][name]);
        assert_eq!((of("gone"), of("active")), (2.0, 2.0));
        adds_up(&snapshot["funnel"]);
        assert_eq!(snapshot["failed"], json!({}));
        let line = &snapshot["attention"][0];
        assert_eq!((&line["key"], &line["node"]), (&json!("node_gone"), &json!("node-0")));
        assert_eq!(line["args"], json!({ "gpus": 2 }));
    };
    check(&snapshot(&app, later));
    drop(app);
    // A process that never saw the node, an hour on.
    let (store, _) = store::Store::open(
        std::sync::Arc::new(journal::RealDisk),
        store::Options::new(folder.path()),
        later,
    )
    .unwrap();
    let app = App::new(std::sync::Arc::new(store), Config::default());
    check(&snapshot(&app, later));
}

#[test]
fn a_gpu_that_is_taken_out_of_a_living_node_is_not_shown() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 3);
    fleet.ingest(&app, NOW);
    assert_eq!(column(&snapshot(&app, NOW), "gpu", "uuid").len(), 3);
    fleet.remove(0, 1);
    fleet.ingest(&app, NOW + 5000);
    let shown = snapshot(&app, NOW + 6000);
    assert_eq!(column(&shown, "gpu", "uuid"), [json!("GPU-0-0"), json!("GPU-0-2")]);
    assert_eq!(column(&shown, "gpu", "index"), [json!(0), json!(2)]);
}
