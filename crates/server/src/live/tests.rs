//! The live view over the real store, from pages of the real exporter and from made-up fleets.

mod client;
mod fleets;
mod found;
mod served;
mod states;

use std::collections::HashMap;

use expect_test::expect;
use model::text::{Sample, parse};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Source, SourceWords};
use crate::testing::{self, NOW};
use crate::{App, Config};

use fleets::Fleet;

/// A page that the exporter printed over a simulated machine.
fn golden(name: &str) -> String {
    let path = format!("{}/../exporter/tests/golden/{name}.prom", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn app() -> (App, TempDir) {
    testing::app(Config::default())
}

fn ingest(app: &App, now: i64, instance: &str, page: &str) {
    let target = [("job", "gpulse"), ("instance", instance)];
    let done = app.ingest_text(now, page, &target).unwrap();
    assert_eq!(done.appended.refused_samples, 0, "{:?}", done.appended.refused);
}

fn snapshot(app: &App, now: i64) -> Value {
    serde_json::from_slice(&app.live().frame(now).json(true)).unwrap()
}

/// The column of a table.
fn column(snapshot: &Value, table: &str, name: &str) -> Vec<Value> {
    let cells = snapshot[table][name].as_array();
    cells.unwrap_or_else(|| panic!("no column {table}.{name}")).clone()
}

/// The column with numbers of dictionaries as their texts.
fn texts(snapshot: &Value, table: &str, name: &str) -> Vec<String> {
    let dict = &snapshot["dict"][name];
    let text = |cell: &Value| match cell.as_u64() {
        Some(number) => dict[usize::try_from(number).unwrap()].as_str().unwrap().to_owned(),
        None => "null".to_owned(),
    };
    column(snapshot, table, name).iter().map(text).collect()
}

fn number(of: &Value) -> f64 {
    of.as_f64().unwrap_or_else(|| panic!("{of} is no number"))
}

fn state_of(snapshot: &Value, row: usize) -> String {
    texts(snapshot, "gpu", "state")[row].clone()
}

/// Samples of a page by name.
fn families(page: &str) -> HashMap<String, Vec<Sample>> {
    parse(page).unwrap().into_iter().map(|family| (family.name, family.samples)).collect()
}

fn label<'a>(sample: &'a Sample, name: &str) -> &'a str {
    sample.labels.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value)
}

#[test]
fn figures_of_whole_gpus_are_those_of_the_page() {
    let (app, _folder) = app();
    let page = golden("h100x8-busy");
    ingest(&app, NOW, "10.0.0.1:9400", &page);
    let snapshot = snapshot(&app, NOW);
    let samples = families(&page);
    let columns = [
        ("util", "DCGM_FI_DEV_GPU_UTIL", 1.0),
        ("mem_util", "DCGM_FI_DEV_MEM_COPY_UTIL", 1.0),
        ("mem_mib", "DCGM_FI_DEV_FB_USED", 1.0),
        ("mem_total_mib", "DCGM_FI_DEV_FB_TOTAL", 1.0),
        ("temp", "DCGM_FI_DEV_GPU_TEMP", 1.0),
        ("mem_temp", "DCGM_FI_DEV_MEMORY_TEMP", 1.0),
        ("power", "DCGM_FI_DEV_POWER_USAGE", 1.0),
        ("sm", "DCGM_FI_PROF_SM_ACTIVE", 1.0),
        ("tensor", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 1.0),
        ("dram", "DCGM_FI_PROF_DRAM_ACTIVE", 1.0),
        ("sm_clock", "DCGM_FI_DEV_SM_CLOCK", 1.0),
        ("pcie_tx", "DCGM_FI_PROF_PCIE_TX_BYTES", 1e-6),
        ("ecc_corrected", "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", 1.0),
        ("remap_failure", "DCGM_FI_DEV_ROW_REMAP_FAILURE", 1.0),
    ];
    for (name, family, factor) in columns {
        let cells = column(&snapshot, "gpu", name);
        assert_eq!(cells.len(), 8);
        for sample in &samples[family] {
            let row: usize = label(sample, "gpu").parse().unwrap();
            let (shown, read) = (number(&cells[row]), sample.value * factor);
            assert!(
                (shown - read).abs() <= 0.051_f64.min(0.001 + read.abs()),
                "{name} {row}: {shown}, {read}"
            );
        }
    }
    assert_eq!(texts(&snapshot, "gpu", "node"), vec!["gpu-a"; 8]);
    assert_eq!(column(&snapshot, "gpu", "index"), (0..8).map(Value::from).collect::<Vec<_>>());
    assert_eq!(texts(&snapshot, "gpu", "model"), vec!["NVIDIA H100 80GB HBM3"; 8]);
    assert_eq!(snapshot["failed"], json!({}));
    let power: f64 = samples["DCGM_FI_DEV_POWER_USAGE"].iter().map(|of| of.value).sum();
    assert!((number(&snapshot["funnel"]["power_w"]) - power).abs() < 0.5);
}

#[test]
fn a_gpu_cut_into_instances_shows_them_and_their_weighted_sum() {
    let (app, _folder) = app();
    let page = golden("h100-mixed");
    ingest(&app, NOW, "10.0.0.2:9400", &page);
    let snapshot = snapshot(&app, NOW);
    let mut shown = String::new();
    for name in
        ["gpu", "gi", "ci", "slices", "share", "util", "mem_mib", "mem_total_mib", "sessions"]
    {
        let cells = column(&snapshot, "mig", name);
        shown += &format!(
            "{name:<13} {}\n",
            cells.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")
        );
    }
    for name in ["profile", "state"] {
        shown += &format!("{name:<13} {}\n", texts(&snapshot, "mig", name).join(" "));
    }
    let names: Vec<String> =
        column(&snapshot, "mig", "name").iter().map(Value::to_string).collect();
    shown += &format!("name          {}\n", names.join(" "));
    expect![[r#"
        gpu           2 2 2 2
        gi            2 3 9 10
        ci            0 0 0 0
        slices        3 2 1 1
        share         0.428571 0.285714 0.142857 0.142857
        util          37 30 0 0
        mem_mib       22553 11280 3080 8
        mem_total_mib 40448 20096 9984 9984
        sessions      1 2 1 0
        profile       3g.40gb 2g.20gb 1g.10gb 1g.10gb
        state         active unknown unknown free
        name          "2_0_0" "2_1_0" "2_2_0" "2_3_0"
    "#]]
    .assert_eq(&shown);

    let samples = families(&page);
    let weighted = &samples["DCGM_FI_DEV_WEIGHTED_GPU_UTIL"];
    let weighted = weighted.iter().find(|of| label(of, "gpu") == "2").unwrap().value;
    let parent = number(&column(&snapshot, "gpu", "util")[2]);
    assert!((parent - weighted * 100.0).abs() < 0.06, "{parent} {weighted}");
    let of_parts = |name| column(&snapshot, "mig", name).iter().map(number).sum::<f64>();
    let of_parent = |name| number(&column(&snapshot, "gpu", name)[2]);
    assert_eq!(of_parent("mem_mib"), of_parts("mem_mib"));
    assert_eq!(of_parent("mem_total_mib"), of_parts("mem_total_mib"));
    // Power and temperature are the card's and stand there once.
    assert!(number(&column(&snapshot, "gpu", "power")[2]) > 0.0);
    assert!(snapshot["mig"]["power"].is_null());
    assert_eq!(column(&snapshot, "gpu", "sm")[2], Value::Null);
}

#[test]
fn sessions_are_those_of_the_page_with_their_devices() {
    let (app, _folder) = app();
    let page = golden("h100-mixed");
    ingest(&app, NOW, "10.0.0.2:9400", &page);
    let snapshot = snapshot(&app, NOW);
    let samples = families(&page);
    let ids = column(&snapshot, "session", "session");
    assert_eq!(ids.len(), samples["gpu_session_info"].len());
    for sample in &samples["gpu_session_memory_bytes"] {
        let row = ids.iter().position(|id| *id == label(sample, "session")).unwrap();
        let shown = number(&column(&snapshot, "session", "mem_mib")[row]);
        assert!((shown - sample.value / 1_048_576.0).abs() <= 0.5, "{shown}");
    }
    for info in &samples["gpu_session_info"] {
        let row = ids.iter().position(|id| *id == label(info, "session")).unwrap();
        assert_eq!(column(&snapshot, "session", "pid")[row].to_string(), label(info, "pid"));
        assert_eq!(texts(&snapshot, "session", "user")[row], label(info, "user"));
        let mig = &column(&snapshot, "session", "mig")[row];
        let name = match mig.as_u64() {
            Some(mig) => column(&snapshot, "mig", "name")[usize::try_from(mig).unwrap()].clone(),
            None => {
                let gpu = number(&column(&snapshot, "session", "gpu")[row]);
                Value::from(gpu.to_string())
            }
        };
        assert_eq!(name, label(info, "gpu"));
    }
    let states = texts(&snapshot, "session", "state");
    assert!(states.iter().all(|state| state == "active" || state == "unknown"), "{states:?}");
}

#[test]
fn not_supported_failed_and_a_value_are_three_things() {
    let (app, _folder) = app();
    ingest(&app, NOW, "a", &golden("fault-lost"));
    ingest(&app, NOW, "b", &golden("rtx2080s-encode"));
    let snapshot = snapshot(&app, NOW);
    // desk/0 is too old for profiling, gpu-a/0 is lost, gpu-a/1 works.
    assert_eq!(texts(&snapshot, "gpu", "node")[..3], ["desk", "gpu-a", "gpu-a"]);
    let (temp, sm) = (column(&snapshot, "gpu", "temp"), column(&snapshot, "gpu", "sm"));
    assert!(temp[0].is_number() && temp[1].is_null() && temp[2].is_number(), "{temp:?}");
    assert!(sm[0].is_null() && sm[1].is_null() && sm[2].is_number(), "{sm:?}");
    assert_eq!(snapshot["failed"]["gpu.temp"], json!([1]));
    assert_eq!(snapshot["failed"]["gpu.sm"], json!([1]));
    assert_eq!(texts(&snapshot, "gpu", "problem"), ["", "lost", ""]);
    let first = &snapshot["attention"][0];
    assert_eq!((&first["key"], &first["severity"]), (&json!("lost"), &json!("critical")));
    assert_eq!((&first["node"], &first["gpu"]), (&json!("gpu-a"), &json!(0)));
    // The minute that is booked was spent before it was lost.
    assert_eq!(state_of(&snapshot, 1), "active");
}

#[test]
fn a_gpu_that_never_answered_is_down() {
    let (app, _folder) = app();
    let page = "gpulse_device_up{gpu=\"0\"} 0\ngpulse_device_problem{gpu=\"0\",reason=\"stuck\"} 1\n\
                gpulse_gpus{kind=\"expected\"} 2\ngpulse_gpus{kind=\"present\"} 1\n";
    ingest(&app, NOW, "ws-07", page);
    let snapshot = snapshot(&app, NOW);
    assert_eq!(
        (state_of(&snapshot, 0), texts(&snapshot, "gpu", "node")),
        ("down".into(), vec!["ws-07".into()])
    );
    assert_eq!(number(&snapshot["funnel"]["down"]), 1.0);
    adds_up(&snapshot["funnel"]);
    let keys = snapshot["attention"].as_array().unwrap().iter().map(|line| line["key"].clone());
    assert_eq!(keys.collect::<Vec<_>>(), [json!("stuck"), json!("gpus_missing")]);
}

#[test]
fn a_foreign_exporter_without_a_word_on_support_misses_what_was_there_before() {
    let (app, _folder) = app();
    let row = |name: &str, value: u32| {
        format!("{name}{{gpu=\"0\",UUID=\"GPU-1\",Hostname=\"h\",modelName=\"T4\"}} {value}\n")
    };
    let whole = row("DCGM_FI_DEV_GPU_TEMP", 40) + &row("DCGM_FI_DEV_POWER_USAGE", 70);
    ingest(&app, NOW - 15_000, "h:9400", &whole);
    ingest(&app, NOW, "h:9400", &row("DCGM_FI_DEV_POWER_USAGE", 71));
    let snapshot = snapshot(&app, NOW);
    assert_eq!(column(&snapshot, "gpu", "power"), [json!(71)]);
    assert_eq!(column(&snapshot, "gpu", "temp"), [Value::Null]);
    assert_eq!(snapshot["failed"], json!({ "gpu.temp": [0] }));
    // It tells of no sessions: what the GPU is used for is not known.
    assert_eq!(state_of(&snapshot, 0), "unknown");
}

#[test]
fn a_session_that_ends_leaves_and_its_holder_with_it() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 1);
    let session = fleet.session(0, "active");
    fleet.ingest(&app, NOW);
    let before = snapshot(&app, NOW);
    assert_eq!(texts(&before, "gpu", "holder"), ["ml/train-0"]);
    assert_eq!(column(&before, "session", "idle_s"), [Value::Null]);
    fleet.set_state(session, "held");
    fleet.ingest(&app, NOW + 5000);
    let held = snapshot(&app, NOW + 5500);
    assert_eq!(texts(&held, "session", "state"), ["held"]);
    assert!(number(&column(&held, "session", "idle_s")[0]) > 0.0);
    fleet.end(session);
    fleet.ingest(&app, NOW + 10_000);
    let after = snapshot(&app, NOW + 11_000);
    assert!(column(&after, "session", "session").is_empty());
    assert_eq!(texts(&after, "gpu", "holder"), [""]);
    assert_eq!(column(&after, "gpu", "sessions"), [json!(0)]);
}

#[test]
fn attention_names_what_is_wrong_and_counts_stale_sessions_once() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(2, 4);
    for gpu in 0..5 {
        fleet.session(gpu, "stale");
    }
    fleet.hot(6, 91.0);
    fleet.xid(7, 79, NOW - 120_000);
    fleet.xid(5, 13, NOW - 60_000);
    fleet.xid(4, 79, NOW - 7_200_000);
    fleet.ingest(&app, NOW);
    let snapshot = snapshot(&app, NOW);
    let lines = snapshot["attention"].as_array().unwrap();
    let shown: Vec<String> = lines
        .iter()
        .map(|line| {
            format!(
                "{} {} {}/{} {}",
                line["severity"].as_str().unwrap(),
                line["key"].as_str().unwrap(),
                line["node"].as_str().unwrap_or("-"),
                line["gpu"],
                line["args"]
            )
        })
        .collect();
    expect![[r#"
        critical xid node-1/3 {"xid":79}
        warning xid node-1/1 {"xid":13}
        warning stale_sessions -/null {"gpus":5,"hours":1}
        warning temp node-1/2 {"limit":85,"temp":91}"#]]
    .assert_eq(&shown.join("\n"));
    assert_eq!(snapshot["attention_more"], 0);
    assert_eq!(column(&snapshot, "gpu", "xid")[7], 79);
}

#[test]
fn a_session_that_never_used_its_gpu_is_stale_from_its_start() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 1);
    fleet.session(0, "stale");
    let page = fleet.page(0, NOW);
    let unused: String = page
        .lines()
        .filter(|line| !line.contains("last_use"))
        .map(|line| format!("{line}\n"))
        .collect();
    ingest(&app, NOW, "10.0.0.0:9400", &unused);
    let lines = snapshot(&app, NOW)["attention"].clone();
    // Sessions of these fleets began 25 h ago.
    assert_eq!(lines[0]["args"], json!({ "gpus": 1, "hours": 25 }));
}

#[test]
fn memory_errors_of_the_last_hour_need_attention_and_older_ones_do_not() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 2);
    fleet.ecc(0, 3.0);
    fleet.ecc(1, 5.0);
    fleet.ingest(&app, NOW - 3_700_000);
    fleet.ecc(1, 7.0);
    fleet.ingest(&app, NOW);
    let lines = snapshot(&app, NOW)["attention"].clone();
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
    assert_eq!((&lines[0]["key"], &lines[0]["gpu"]), (&json!("ecc_uncorrected"), &json!(1)));
    assert_eq!(lines[0]["args"], json!({ "count": 2 }));
}

#[test]
fn an_empty_store_says_what_was_looked_for() {
    let (app, _folder) = app();
    let source = Source {
        name: "nvml".into(),
        ok: false,
        looked_for: "libnvidia-ml.so.1".into(),
        problem: "not found".into(),
        remedy: "install the driver".into(),
        korean: Some(SourceWords {
            looked_for: "라이브러리".into(),
            problem: "없음".into(),
            remedy: "설치하세요".into(),
        }),
    };
    app.set_sources(vec![source]);
    app.set_backfill(Some(NOW));
    let snapshot = snapshot(&app, NOW);
    assert_eq!(snapshot["sources"][0]["looked_for"], "libnvidia-ml.so.1");
    assert_eq!(snapshot["sources"][0]["korean"]["problem"], "없음");
    assert_eq!(snapshot["backfill"], "2026-01-15T09:00:00Z");
    assert_eq!(snapshot["funnel"]["total"], 0);
    assert_eq!(snapshot["funnel"]["util"], Value::Null);
    assert!(column(&snapshot, "gpu", "uuid").is_empty());
}

#[test]
fn no_page_of_text_breaks_the_view() {
    let (app, _folder) = app();
    let long = "x".repeat(4000);
    let page = format!(
        "gpu_session_info{{gpu=\"7_0\",session=\"s\",UUID=\"{long}\",kind=\"?\",pid=\"-4\"}} 1\n\
         gpu_session_state{{session=\"s\",state=\"dancing\"}} 1\n\
         gpu_device_seconds_total{{gpu=\"0\",UUID=\"a\",state=\"free\"}} NaN\n\
         gpu_device_seconds_total{{gpu=\"zero\",UUID=\"a\",state=\"free\"}} 5\n\
         gpu_device_info{{gpu=\"0_0_0\",GPU_I_ID=\"99999999999\",Hostname=\"\\\"\\n{long}\"}} 1\n\
         DCGM_FI_DEV_GPU_UTIL{{gpu=\"4294967296\"}} 5\n\
         DCGM_FI_DEV_GPU_UTIL{{gpu=\"1\",UUID=\"b\"}} +Inf\n\
         DCGM_FI_DEV_POWER_USAGE{{gpu=\"1\",UUID=\"b\"}} -1e300\n\
         gpulse_field_supported{{gpu=\"1\",field=\"nonsense\",reason=\"?\"}} 0\n\
         gpu_xid_last_time_seconds{{gpu=\"1\",UUID=\"b\",xid=\"many\"}} 1e300\n"
    );
    ingest(&app, NOW, "n", &page);
    let snapshot = snapshot(&app, NOW);
    let uuids = column(&snapshot, "gpu", "uuid");
    assert!(uuids.iter().all(|uuid| uuid.as_str().unwrap().len() <= 256), "{uuids:?}");
    assert_eq!(snapshot["gpu"]["util"].as_array().unwrap().len(), uuids.len());
}

fn adds_up(funnel: &Value) {
    let of = |name: &str| number(&funnel[name]);
    let close = |a: f64, b: f64| assert!((a - b).abs() < 0.01, "{a} {b}: {funnel}");
    close(of("total"), of("allocated") + of("free") + of("down") + of("gone"));
    close(of("allocated"), of("active") + of("wasted") + of("starting") + of("unknown"));
    close(of("active"), of("effective") + of("low"));
}
