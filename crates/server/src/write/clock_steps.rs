//! The machine's clock jumps while samples are written: nothing acknowledged is missing, the server
//! starts again whatever the clock shows, and what is refused is named.
#![expect(clippy::cast_possible_truncation, reason = "times that fit")]

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use journal::RealDisk;
use store::{Options, Store};

use crate::testing::{Answer, NOW, Standing, ask, query};
use crate::{App, Config};

const MINUTE: i64 = 60_000;
const JUMP: i64 = 180 * MINUTE;

/// A server over a folder, started at what the clock shows.
fn start(folder: &Path, clock: &Arc<Standing>) -> App {
    let now = model::Clock::now(&**clock).0 / 1000;
    let options = Options::new(folder);
    let (store, said) = Store::open(Arc::new(RealDisk), options, now).unwrap();
    assert_eq!(said, Vec::<String>::new());
    let clock: Arc<dyn model::Clock> = Arc::<Standing>::clone(clock);
    App::new(Arc::new(store), Config { clock, ..Config::default() })
}

fn send(app: &App, name: &str, at: i64) -> Answer {
    let body = format!("{name}{{gpu=\"0\"}} {} {at}\n", at / MINUTE % 1000);
    ask(app, Request::post("/api/v1/import/prometheus").body(Body::from(body)).unwrap())
}

/// One sample a minute by a clock that the sender shares with the server.
fn minutes(app: &App, clock: &Standing, from: i64, count: i64, sent: &mut Vec<i64>) {
    for minute in 0..count {
        let now = from + minute * MINUTE;
        clock.set(now);
        let answer = send(app, "power", now);
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
        sent.push(now);
        assert_eq!(app.store().maintain(now), Vec::<String>::new());
    }
}

fn has_all(app: &App, sent: &[i64]) {
    let last = *sent.iter().max().unwrap();
    let found = query(app, "power[1d]", last);
    let mut wanted: Vec<i64> = sent.to_vec();
    wanted.sort_unstable();
    let times: Vec<i64> = found[0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_f64().unwrap() * 1000.0) as i64)
        .collect();
    assert_eq!(times, wanted);
}

/// Every block reads in full, none failed to be cut.
fn blocks_are_sound(folder: &Path, app: &App) {
    let report = store::verify(Arc::new(RealDisk), folder).unwrap();
    assert_eq!((report.damage, report.blocks), (Vec::new(), app.store().stats().blocks));
    assert_eq!(app.store().stats().failed_cuts, 0);
    assert!(report.blocks > 0);
}

#[test]
fn a_clock_that_jumps_on_and_back_costs_no_sample_and_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, mut sent) = (Standing::at(NOW), Vec::new());
    let app = start(folder.path(), &clock);
    minutes(&app, &clock, NOW, 30, &mut sent);

    // On by three hours: windows in which nothing more comes are cut.
    minutes(&app, &clock, NOW + JUMP, 30, &mut sent);
    assert!(app.store().stats().cuts > 0);
    has_all(&app, &sent);

    // Back by three hours, half a minute off: late samples of windows that are blocks already.
    minutes(&app, &clock, NOW + MINUTE / 2, 30, &mut sent);
    has_all(&app, &sent);
    blocks_are_sound(folder.path(), &app);

    // Who still has the clock of before is told so by name; others are taken.
    let ahead = send(&app, "power", NOW + 2 * JUMP);
    assert_eq!(ahead.status, StatusCode::BAD_REQUEST);
    let said = ahead.text();
    assert!(said.contains("power{gpu=\"0\"}") && said.contains("too far ahead"), "{said}");

    // A start while the clock is back, ...
    drop(app);
    let app = start(folder.path(), &clock);
    has_all(&app, &sent);
    minutes(&app, &clock, NOW + 30 * MINUTE + MINUTE / 2, 30, &mut sent);
    // ... and one after it went on again.
    drop(app);
    clock.set(NOW + 2 * JUMP);
    let app = start(folder.path(), &clock);
    has_all(&app, &sent);
    minutes(&app, &clock, NOW + 2 * JUMP, 15, &mut sent);
    has_all(&app, &sent);
    blocks_are_sound(folder.path(), &app);
}

#[test]
fn a_sample_of_a_clock_that_was_days_ahead_does_not_shut_the_others_out() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Standing::at(NOW);
    let app = start(folder.path(), &clock);
    // The server's own clock is a day ahead for a moment, and a sample of then is taken.
    let day = 24 * 60 * MINUTE;
    clock.set(NOW + day - MINUTE);
    assert_eq!(send(&app, "power", NOW + day - MINUTE).status, StatusCode::NO_CONTENT);
    clock.set(NOW);
    let mut sent = vec![NOW + day - MINUTE];
    minutes(&app, &clock, NOW, 5, &mut sent);
    has_all(&app, &sent);
    // Older than the newest sample less a day: refused by name, and counted.
    let old = send(&app, "power", NOW - 2 * MINUTE);
    assert_eq!(old.status, StatusCode::BAD_REQUEST);
    assert!(old.text().contains("power{gpu=\"0\"}") && old.text().contains("too old"));
    let refused = app.store().stats().refused;
    assert!(refused.contains(&("too_old", 1)), "{refused:?}");
}
