//! Findings: on their sessions, in the lines of attention, and gone when they are gone.

use serde_json::{Value, json};

use super::fleets::Fleet;
use super::{app, ingest, snapshot, texts};
use crate::testing::NOW;

const INSTANCE: &str = "10.0.0.0:9400";

/// The lines about findings: severity, GPU, key and arguments.
fn lines(snapshot: &Value) -> Vec<Value> {
    let all = snapshot["attention"].as_array().unwrap();
    let about = all.iter().filter(|line| line["key"].as_str().unwrap().starts_with("finding"));
    about.map(|line| json!([line["severity"], line["gpu"], line["key"], line["args"]])).collect()
}

#[test]
fn a_finding_stands_at_its_session_and_in_the_lines_with_who_it_is_about() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 3);
    fleet.session(0, "active");
    fleet.session(1, "held");
    let page = fleet.page(0, NOW);
    let found = concat!(
        "gpu_session_finding{gpu=\"1\",session=\"0000000000000001\",finding=\"zombie\"} 1\n",
        "gpu_session_finding{gpu=\"1\",session=\"0000000000000001\",finding=\"hang_suspect\"} 1\n",
        "gpu_allocation_info{gpu=\"2\",allocation=\"a\",UUID=\"GPU-0-2\",slurm_job=\"17\"} 1\n",
        "gpu_allocation_finding{gpu=\"2\",allocation=\"a\",finding=\"no_process\"} 1\n",
        "gpu_device_finding{gpu=\"0\",UUID=\"GPU-0-0\",finding=\"leaked\"} 1\n",
    );
    ingest(&app, NOW, INSTANCE, &(page + found));
    let shown = snapshot(&app, NOW);
    assert_eq!(texts(&shown, "session", "finding"), ["", "hang_suspect,zombie"]);
    let holder = "ml/train-1";
    let mut said = lines(&shown);
    said.sort_by_key(ToString::to_string);
    assert_eq!(
        said,
        [
            json!(["warning", 0, "finding", { "finding": "leaked", "holder": null }]),
            json!(["warning", 1, "finding", { "finding": "hang_suspect", "holder": holder }]),
            json!(["warning", 1, "finding", { "finding": "zombie", "holder": holder }]),
            json!(["warning", 2, "finding", { "finding": "no_process", "holder": "job 17" }]),
        ]
    );
    // Later pages have none of them: they are over, and the sessions stay.
    let now = NOW + 45_000;
    ingest(&app, now, INSTANCE, &fleet.page(0, now));
    let shown = snapshot(&app, now);
    assert_eq!(texts(&shown, "session", "finding"), ["", ""]);
    assert_eq!(lines(&shown), Vec::<Value>::new());
}

#[test]
fn what_many_gpus_have_is_one_line() {
    let (app, _folder) = app();
    let mut page = Fleet::of(1, 8).page(0, NOW);
    for gpu in 0..6 {
        page += &format!("gpu_device_finding{{gpu=\"{gpu}\",finding=\"leaked\"}} 1\n");
    }
    page += "gpu_device_finding{gpu=\"7\",finding=\"no_compute_instance\"} 1\n";
    ingest(&app, NOW, INSTANCE, &page);
    let said = lines(&snapshot(&app, NOW));
    assert_eq!(said.len(), 2);
    assert!(said.contains(&json!([
        "warning",
        null,
        "findings",
        { "finding": "leaked", "gpus": 6 }
    ])));
}
