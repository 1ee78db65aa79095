//! The server is killed in the middle of writing, again and again: what it acknowledged is there
//! after each start, and each start succeeds.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit 53 bits"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::Clock as _;
use model::clock::SystemClock;
use rustix::process::Signal;
use serde_json::Value;
use tests::child::Child;
use tests::gpu_history::Random;
use tests::remote_write::{Series, send};
use tests::{environment, http, or_skip};

/// Kills in one run; `GPULSE_KILLS` asks for more.
const KILLS: usize = 40;
/// Series that are written to.
const SERIES: usize = 300;
/// Longest time from a start to the kill, in ms.
const LONGEST_LIFE: usize = 250;

fn start(gpulse: &Path, folder: &Path) -> (Child, SocketAddr) {
    let mut command = Command::new(gpulse);
    command.args(["server", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
    let mut child = Child::start("gpulse-server", &mut command, folder).unwrap();
    let address = child.address().unwrap();
    (child, address)
}

/// Time and value of every sample that was acknowledged, by series.
type Acknowledged = BTreeMap<usize, BTreeMap<i64, f64>>;

/// Writes until it is stopped or the server is gone. Only an answer of 2xx counts.
fn write(address: SocketAddr, from: i64, stop: &AtomicBool) -> (Acknowledged, i64) {
    let (mut acknowledged, mut at) = (Acknowledged::new(), from);
    while !stop.load(Ordering::Relaxed) {
        let part = usize::try_from(at).unwrap() % SERIES;
        let numbers: Vec<usize> = (0..60).map(|number| (part + number * 5) % SERIES).collect();
        let value = at as f64;
        let series: Vec<Series> = numbers.iter().map(|number| one(*number, at, value)).collect();
        let Ok(answer) = send(address, "/api/v1/write", &series) else { break };
        if answer.status / 100 == 2 {
            for number in numbers {
                acknowledged.entry(number).or_default().insert(at, value);
            }
        }
        at += 1;
    }
    (acknowledged, at)
}

fn one(number: usize, at: i64, value: f64) -> Series {
    let mut series = Series::new("crash_test", &[("number", &format!("{number:03}"))]);
    series.samples.push((at, value));
    series
}

/// Everything that the server has of the metric.
fn stored(address: SocketAddr, until: i64) -> Acknowledged {
    let query = http::escaped("crash_test[1h]");
    let path = format!("/api/v1/query?query={query}&time={}", until / 1000 + 1);
    let answer: Value = serde_json::from_str(&http::get(address, &path).unwrap()).unwrap();
    let mut all = Acknowledged::new();
    for series in answer["data"]["result"].as_array().unwrap() {
        let number = series["metric"]["number"].as_str().unwrap().parse().unwrap();
        for point in series["values"].as_array().unwrap() {
            let at = (point[0].as_f64().unwrap() * 1000.0).round() as i64;
            let value = point[1].as_str().unwrap().parse().unwrap();
            all.entry(number).or_default().insert(at, value);
        }
    }
    all
}

#[test]
fn no_acknowledged_sample_is_missing_after_a_kill() {
    let gpulse = or_skip!(environment::program(environment::GPULSE));
    let wanted = std::env::var("GPULSE_KILLS").ok().and_then(|text| text.parse().ok());
    let kills = wanted.unwrap_or(KILLS);
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(kills as u64);
    let mut acknowledged = Acknowledged::new();
    // In the past, so that no sample is ahead of the clock however fast they are written.
    let mut at = SystemClock.now().0 / 1000 - 1_800_000;
    for kill in 0..kills {
        let (child, address) = start(&gpulse, folder.path());
        let life = Duration::from_millis(random.below(LONGEST_LIFE) as u64);
        let stop = AtomicBool::new(false);
        let (news, next) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| write(address, at, &stop));
            std::thread::sleep(life);
            child.signal(Signal::KILL).unwrap();
            stop.store(true, Ordering::Relaxed);
            writer.join().unwrap()
        });
        drop(child);
        at = next + 1;
        for (number, samples) in news {
            acknowledged.entry(number).or_default().extend(samples);
        }
        if kill % 4 == 3 || kill + 1 == kills {
            let (mut child, address) = start(&gpulse, folder.path());
            let there = stored(address, at);
            for (number, samples) in &acknowledged {
                for (at, value) in samples {
                    let found = there.get(number).and_then(|series| series.get(at));
                    assert_eq!(found, Some(value), "series {number} at {at}, kill {kill}");
                }
            }
            child.stop().unwrap();
        }
    }
    let samples: usize = acknowledged.values().map(BTreeMap::len).sum();
    assert!(samples > kills * 10, "hardly anything was written: {samples}");
    println!("{samples} acknowledged samples are there after {kills} kills");
}
