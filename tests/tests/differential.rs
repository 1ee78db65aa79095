//! gpulse and a real Prometheus hold the same samples and answer the same expressions: thousands of
//! generated ones, those of the seeds, and those of widely used dashboards.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use model::Clock as _;
use model::clock::SystemClock;
use serde_json::Value;
use tests::answer::{difference, difference_of_values};
use tests::child::Child;
use tests::expressions::expression;
use tests::gpu_history::{INTERVAL, Random, fleet};
use tests::prometheus::Prometheus;
use tests::{environment, http, or_skip, remote_write};

/// Expressions that are made; `GPULSE_DIFFERENTIAL` asks for more.
const EXPRESSIONS: usize = 2000;
/// The seed of expressions and data.
const SEED: u64 = 20_260_115;
/// Differences that a failure shows.
const SHOWN: usize = 20;
/// Points of a range query.
const POINTS: i64 = 41;

/// Both servers with the same samples.
struct Pair {
    gpulse: Child,
    address: SocketAddr,
    prometheus: Prometheus,
    end: i64,
    _folder: tempfile::TempDir,
}

impl Pair {
    fn start(gpulse: &Path, prometheus: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(gpulse);
        command
            .args(["server", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"));
        let mut child = Child::start("gpulse-server", &mut command, folder.path()).unwrap();
        let address = child.address().unwrap();
        let options = ["--web.enable-remote-write-receiver"];
        let prometheus =
            Prometheus::start_with(prometheus, folder.path(), &[], &[], &options).unwrap();
        let end = SystemClock.now().0 / 1000 / INTERVAL * INTERVAL - 60_000;
        let series = fleet(SEED, end);
        remote_write::write(address, "/api/v1/write", &series).unwrap();
        remote_write::write(prometheus.address(), "/api/v1/write", &series).unwrap();
        Self { gpulse: child, address, prometheus, end, _folder: folder }
    }

    /// What differs in the answers to a path.
    fn differs(&self, path: &str) -> Option<String> {
        let ask = |address: SocketAddr| -> Value {
            let answer = http::get_with(address, path, "").unwrap();
            serde_json::from_slice(&answer.body)
                .unwrap_or_else(|error| panic!("{path}: {error}: {:?}", answer.text()))
        };
        let (ours, theirs) = (ask(self.address), ask(self.prometheus.address()));
        let found = difference(&ours, &theirs)?;
        let chooses = path.contains("topk") || path.contains("bottomk");
        if chooses && difference_of_values(&ours, &theirs).is_none() { None } else { Some(found) }
    }

    fn instant(&self, expression: &str, at: i64) -> Option<String> {
        let query = http::escaped(expression);
        self.differs(&format!("/api/v1/query?query={query}&time={}", seconds(at)))
    }

    fn range(&self, expression: &str, start: i64, step: i64) -> Option<String> {
        let query = http::escaped(expression);
        let (from, to) = (seconds(start), seconds(start + (POINTS - 1) * step));
        let step = seconds(step);
        self.differs(&format!(
            "/api/v1/query_range?query={query}&start={from}&end={to}&step={step}"
        ))
    }
}

fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

fn pair() -> Result<Pair, String> {
    let gpulse = environment::program(environment::GPULSE)?;
    Ok(Pair::start(&gpulse, &environment::program(environment::PROMETHEUS)?))
}

/// Fails with the first differences, if there is any.
fn none_of(differences: &BTreeMap<String, String>, asked: usize) {
    let shown: Vec<String> = differences
        .iter()
        .take(SHOWN)
        .map(|(query, what)| format!("{query}\n    {what}"))
        .collect();
    assert!(
        differences.is_empty(),
        "{} of {asked} answers differ (gpulse and Prometheus):\n{}",
        differences.len(),
        shown.join("\n")
    );
    println!("{asked} answers agree");
}

#[test]
fn generated_expressions_are_answered_as_prometheus_answers_them() {
    let mut pair = or_skip!(pair());
    let wanted = std::env::var("GPULSE_DIFFERENTIAL").ok().and_then(|text| text.parse().ok());
    let mut random = Random::new(SEED);
    let mut differences = BTreeMap::new();
    let mut asked = 0;
    for _ in 0..wanted.unwrap_or(EXPRESSIONS) {
        let query = expression(&mut random);
        let back = i64::try_from(random.below(7_200_000)).unwrap();
        let step = [15_000, 60_000, 7_000, 1][random.below(4)];
        let found = pair.instant(&query, pair.end - back);
        let found = found.or_else(|| pair.range(&query, pair.end - back, step));
        asked += 2;
        if let Some(what) = found {
            differences.insert(query, what);
        }
    }
    none_of(&differences, asked);
    pair.gpulse.stop().unwrap();
}

#[test]
fn the_expressions_that_people_have_are_answered_alike() {
    let pair = or_skip!(pair());
    let text = std::fs::read_to_string(environment::testdata().join("dashboards.txt")).unwrap();
    let mut differences = BTreeMap::new();
    let queries: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    for query in &queries {
        let found = pair.instant(query, pair.end);
        if let Some(what) = found.or_else(|| pair.range(query, pair.end - 3_600_000, 60_000)) {
            differences.insert((*query).to_owned(), what);
        }
    }
    none_of(&differences, 2 * queries.len());
}
