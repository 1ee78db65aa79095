//! Real Prometheus over the exporter, and over the textfile by way of a real node_exporter: the
//! first seed's queries and alert rules, and promtool's view of both outputs.
//!
//! The scenario `testdata/scenarios/queries.toml` can be counted by hand; the answers expected here
//! are those counts.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;
use model::text::Family;
use tests::child::Child;
use tests::environment::{self, GPULSE, NODE_EXPORTER, PROMETHEUS, PROMTOOL, testdata};
use tests::prometheus::{Point, Prometheus, promtool};
use tests::{http, or_skip, wait};

const MIB: f64 = 1_048_576.0;

fn scenario() -> PathBuf {
    testdata().join("scenarios/queries.toml")
}

/// The expressions of a file of queries: id and text.
fn queries(file: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(testdata().join(file)).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once('\t').expect("id, tab, expression"))
        .map(|(id, expression)| (id.to_owned(), expression.to_owned()))
        .collect()
}

fn query(file: &str, id: &str) -> String {
    queries(file).into_iter().find(|(found, _)| found == id).unwrap().1
}

fn exporter(gpulse: &Path, scenario: &str, folder: &Path) -> (Child, SocketAddr) {
    let mut command = Command::new(gpulse);
    command
        .args(["exporter", "--listen", "127.0.0.1:0", "--sim", scenario, "--state"])
        .arg(folder.join("state"));
    let mut child = Child::start("exporter", &mut command, folder).unwrap();
    let address = child.address().unwrap();
    child.until("a first pass", |_| http::get(address, "/readyz")).unwrap();
    (child, address)
}

/// One collection into `folder/textfile/gpu_sessions.prom`.
fn collect(gpulse: &Path, folder: &Path) -> PathBuf {
    let file = folder.join("textfile/gpu_sessions.prom");
    std::fs::create_dir_all(folder.join("textfile")).unwrap();
    let output = Command::new(gpulse)
        .args(["collect", "--sim"])
        .arg(scenario())
        .arg("--output")
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

fn node_exporter(program: &Path, folder: &Path) -> (Child, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], http::free_port().unwrap()));
    let mut command = Command::new(program);
    command
        .arg("--collector.disable-defaults")
        .arg("--collector.textfile")
        .arg(format!("--collector.textfile.directory={}", folder.join("textfile").display()))
        .arg(format!("--web.listen-address={address}"));
    let mut child = Child::start("node_exporter", &mut command, folder).unwrap();
    child.until("node_exporter to answer", |_| http::get(address, "/metrics")).unwrap();
    (child, address)
}

/// `label` of each point with its value, in order.
fn by(points: &[Point], label: &str) -> Vec<(String, f64)> {
    let mut pairs: Vec<_> =
        points.iter().map(|point| (point.label(label).to_owned(), point.value)).collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

fn pairs(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    expected.iter().map(|(label, value)| ((*label).to_owned(), *value)).collect()
}

fn only(points: &[Point]) -> f64 {
    assert_eq!(points.len(), 1, "{points:?}");
    points[0].value
}

/// What Q1 to Q6 answer over the scenario, whichever way the series came.
fn the_seeds_queries_answer_as_the_scenario_implies(prometheus: &Prometheus) {
    let ask = |id: &str| prometheus.query(&query("queries-seed.txt", id)).unwrap();
    let counts =
        [("0", 2.0), ("1", 0.0), ("2_0_0", 1.0), ("2_1_0", 0.0), ("2_2_0", 0.0), ("2_3_0", 0.0)];
    assert_eq!(by(&ask("Q1a"), "gpu"), pairs(&counts));
    let on_gpu_0 = ask("Q1b");
    assert_eq!(by(&on_gpu_0, "pid"), pairs(&[("4001", 1.0), ("4002", 1.0)]));
    assert_eq!(by(&on_gpu_0, "command"), pairs(&[("python3", 1.0), ("render", 1.0)]));
    assert_eq!(by(&on_gpu_0, "gpu_memory"), pairs(&[("1542MiB", 1.0), ("2566MiB", 1.0)]));
    assert_eq!(only(&ask("Q1c")), 3.0);
    assert_eq!(by(&ask("Q2"), "gpu"), pairs(&counts));
    assert_eq!(only(&ask("Q3")), 50.0);
    assert_eq!(by(&ask("Q4"), "pod"), pairs(&[("unknown", 3.0)]));
    assert_eq!(only(&ask("Q5")), 4.0);
    let idle = ask("Q6");
    let none = [("1", 0.0), ("2_1_0", 0.0), ("2_2_0", 0.0), ("2_3_0", 0.0)];
    assert_eq!(by(&idle, "gpu"), pairs(&none));
    for point in &idle {
        for label in ["pid", "command", "pod", "namespace", "container"] {
            assert_eq!(point.label(label), "none", "{label} of {point:?}");
        }
        assert_eq!(point.label("gpu_memory"), "0MiB");
    }
}

fn the_corrected_queries_answer_what_the_seed_promises(prometheus: &Prometheus) {
    let ask = |id: &str| prometheus.query(&query("queries-corrected.txt", id)).unwrap();
    let share = only(&ask("Q3"));
    assert!((share - 100.0 / 3.0).abs() < 1e-9, "2 of 6 devices are in use: {share}");
    let memory = ask("Q4");
    // Nothing on this machine is a pod's: one group without a name.
    assert_eq!(by(&memory, "pod"), pairs(&[("", (2566.0 + 1542.0 + 1024.0) * MIB)]));
}

#[test]
fn s1_23_the_seeds_queries_and_rules_work_over_the_exporter() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let folder = tempfile::tempdir().unwrap();
    let (_exporter, address) = exporter(&gpulse, scenario().to_str().unwrap(), folder.path());
    let rules = ["alerts-seed.yaml", "alerts-corrected.yaml"].map(|file| testdata().join(file));
    let mut prometheus =
        Prometheus::start(&program, folder.path(), &[("gpulse", address)], &rules).unwrap();

    prometheus.until("gpu_total_sessions", |points| !points.is_empty()).unwrap();
    the_seeds_queries_answer_as_the_scenario_implies(&prometheus);
    the_corrected_queries_answer_what_the_seed_promises(&prometheus);

    // The session of 3 h is older than two, the others are not; the seed's rules wait for hours.
    prometheus
        .until("ALERTS{alertname=\"LongGPUSession\"}", |points| {
            by(points, "gpu") == pairs(&[("0", 1.0)])
        })
        .unwrap();
    assert!(
        prometheus.query("ALERTS{alertstate=\"firing\",alertname=~\"High.*\"}").unwrap().is_empty()
    );
    let rules = prometheus.api("/api/v1/rules").unwrap();
    let states: Vec<(&str, &str)> = rules["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .map(|rule| (rule["name"].as_str().unwrap(), rule["health"].as_str().unwrap()))
        .collect();
    assert_eq!(states.len(), 4, "{states:?}");
    assert!(states.iter().all(|(_, health)| *health == "ok"), "{states:?}");
    // Every scrape was whole: nothing dropped for its label or its order.
    assert_eq!(only(&prometheus.query("min_over_time(up[1m])").unwrap()), 1.0);
}

#[test]
fn s1_20_the_textfile_reaches_prometheus_by_way_of_node_exporter() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let node = or_skip!(environment::program(NODE_EXPORTER));
    let folder = tempfile::tempdir().unwrap();
    collect(&gpulse, folder.path());
    let (_node, address) = node_exporter(&node, folder.path());
    let mut prometheus =
        Prometheus::start(&program, folder.path(), &[("node", address)], &[]).unwrap();

    prometheus.until("gpu_total_sessions", |points| !points.is_empty()).unwrap();
    assert_eq!(only(&prometheus.query("node_textfile_scrape_error").unwrap()), 0.0);
    the_seeds_queries_answer_as_the_scenario_implies(&prometheus);
    the_corrected_queries_answer_what_the_seed_promises(&prometheus);
    assert_eq!(only(&prometheus.query("gpu_sessions_collect_success").unwrap()), 1.0);
    let age = only(&prometheus.query("time() - gpu_sessions_collect_timestamp_seconds").unwrap());
    assert!((0.0..600.0).contains(&age), "{age}");
}

#[test]
fn s1_27_a_textfile_without_a_driver_shows_no_session_that_looks_fresh() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let node = or_skip!(environment::program(NODE_EXPORTER));
    let folder = tempfile::tempdir().unwrap();
    let file = collect(&gpulse, folder.path());
    let (_node, address) = node_exporter(&node, folder.path());
    let mut prometheus =
        Prometheus::start(&program, folder.path(), &[("node", address)], &[]).unwrap();
    prometheus.until("gpu_process_info", |points| points.len() == 7).unwrap();

    let output = Command::new(&gpulse)
        .args(["collect", "--sim", "no-gpu", "--output"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "no GPU is a result, not a failure: {output:?}");
    prometheus.until("gpu_sessions_collect_success == 0", |points| points.len() == 1).unwrap();
    prometheus.until("gpu_process_info", <[Point]>::is_empty).unwrap();
}

#[test]
fn mig_beside_whole_gpus_gives_one_device_per_label_in_prometheus() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let folder = tempfile::tempdir().unwrap();
    let (_exporter, address) = exporter(&gpulse, "h100-mixed", folder.path());
    let mut prometheus =
        Prometheus::start(&program, folder.path(), &[("gpulse", address)], &[]).unwrap();
    prometheus.until("gpu_total_sessions", |points| !points.is_empty()).unwrap();

    let is_true = |expression: &str| {
        let points = prometheus.query(expression).unwrap();
        assert!(!points.is_empty(), "{expression} has no answer");
        assert!(points.iter().all(|point| point.value == 1.0), "{expression}: {points:?}");
    };
    is_true("gpu_total_sessions == bool scalar(sum(gpu_session_count))");
    is_true("count by (gpu) (gpu_device_info)");
    is_true(
        "sum by (gpu) (gpu_process_info{status=\"active\"}) == bool on (gpu) gpu_session_count",
    );
    let devices = prometheus.query("gpu_session_count").unwrap();
    let mig = prometheus.query("gpu_session_count{gpu=~\".*_.*_.*\"}").unwrap();
    assert!(!mig.is_empty() && mig.len() < devices.len(), "{devices:?}");
    // What the exporter prints for a device metric joins with its session metrics by UUID.
    let joined = prometheus
        .query("count(max by (UUID) (DCGM_FI_DEV_POWER_USAGE) * on (UUID) group_right () gpu_device_info)")
        .unwrap();
    assert_eq!(only(&joined), f64::from(u32::try_from(devices.len()).unwrap()));
}

#[test]
fn a2_alerts_fire_when_the_rules_say_and_not_before() {
    or_skip!(environment::program(PROMTOOL));
    let (passed, said) =
        promtool(&["test", "rules", testdata().join("alerts-test.yaml").to_str().unwrap()], "")
            .unwrap();
    assert!(passed, "{said}");
    for file in ["alerts-seed.yaml", "alerts-corrected.yaml"] {
        let (passed, said) =
            promtool(&["check", "rules", testdata().join(file).to_str().unwrap()], "").unwrap();
        assert!(passed && said.contains("2 rules found"), "{said}");
    }
}

#[test]
fn the_queries_and_rules_are_the_seeds_own_words() {
    let seed = environment::root().join("../shared/seeds/gpu-session-monitoring.md");
    let seed = or_skip!(
        std::fs::read_to_string(seed).map_err(|_| "no ../shared/seeds to compare with".to_owned())
    );
    let words = |text: &str| text.split_whitespace().collect::<String>();
    let seed = words(&seed);
    for (id, expression) in queries("queries-seed.txt") {
        assert!(seed.contains(&words(&expression)), "{id} is not in the seed: {expression}");
    }
    let rules = std::fs::read_to_string(testdata().join("alerts-seed.yaml")).unwrap();
    let own = rules.split_once("    rules:\n").unwrap().1;
    for rule in own.split("\n\n") {
        assert!(seed.contains(&words(rule)), "not in the seed:\n{rule}");
    }
}

#[test]
fn promtool_reads_both_outputs_and_complains_of_forced_names_only() {
    or_skip!(environment::program(PROMTOOL));
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let (_exporter, address) = exporter(&gpulse, scenario().to_str().unwrap(), folder.path());
    // Profiling values span 15 s: the page is whole after that.
    let whole = || {
        let page = http::get(address, "/metrics")?;
        if page.contains("DCGM_FI_DEV_WEIGHTED_GPU_UTIL{") { Ok(page) } else { bail!("not yet") }
    };
    let page = wait::until("a page with profiling values", wait::PATIENCE, whole).unwrap();
    let textfile = std::fs::read_to_string(collect(&gpulse, folder.path())).unwrap();

    let mut lints = BTreeSet::new();
    for (name, text) in [("/metrics", &page), ("gpu_sessions.prom", &textfile)] {
        let (_, said) = promtool(&["check", "metrics"], text).unwrap();
        assert!(!said.contains("error while linting"), "{name} is not valid: {said}");
        lints.extend(said.lines().map(str::to_owned));
    }
    let file = testdata().join("promtool-lint.txt");
    let found: String = lints.iter().map(|line| format!("{line}\n")).collect();
    if std::env::var_os("GPULSE_BLESS").is_some() {
        std::fs::write(&file, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&file).unwrap());

    let families = [&page, &textfile].map(|text| model::text::parse(text).unwrap()).concat();
    for line in &lints {
        let name = line.split(' ').next().unwrap();
        assert!(is_forced(name, line, &families), "nobody forces this name: {line}");
    }
}

/// Whether the seeds or dcgm-exporter force what promtool complains of: the family's name, or, where
/// it complains of labels, each label that is not in snake case.
fn is_forced(name: &str, line: &str, families: &[Family]) -> bool {
    let seeds = ["gpu_process_info", "gpu_session_count", "gpu_total_sessions"];
    if line.contains("label names") {
        let samples = families.iter().filter(|family| family.name == name);
        let mut labels = samples.flat_map(|family| &family.samples).flat_map(|s| &s.labels);
        return labels.all(|(label, _)| label == "modelName" || !is_camel_case(label));
    }
    name.starts_with("DCGM_") || seeds.contains(&name)
}

fn is_camel_case(label: &str) -> bool {
    let letters: Vec<char> = label.chars().collect();
    letters.windows(2).any(|pair| pair[0].is_lowercase() && pair[1].is_uppercase())
}
