//! How the picture is served: tags, intervals, events and the stream.

use std::collections::HashMap;

use serde_json::Value;

use super::client::Client;
use super::fleets::{Fleet, Random};
use super::{adds_up, app, golden, ingest, snapshot};
use crate::testing::{self, NOW};

#[test]
fn the_snapshot_is_answered_with_its_tag_and_304_to_who_has_it() {
    let (app, _folder) = app();
    ingest(&app, NOW, "a", &golden("h100-mixed"));
    let first = testing::get(&app, "/api/v1/snapshot");
    assert_eq!(first.status, 200);
    assert!(first.json()["session"].is_null() && first.json()["schema"] == 1);
    let with_sessions = testing::get(&app, "/api/v1/snapshot?include=session");
    assert!(with_sessions.json()["session"]["pid"].is_array());
    assert_ne!(first.header("etag"), with_sessions.header("etag"));
    let again = |tag: &str| {
        let request = axum::http::Request::get("/api/v1/snapshot").header("if-none-match", tag);
        testing::ask(&app, request.body(axum::body::Body::empty()).unwrap())
    };
    let known = again(first.header("etag"));
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    assert_eq!(known.header("etag"), first.header("etag"));
    assert_eq!(again("\"0-1-0\"").status, 200);
    let refused = testing::get(&app, "/api/v1/snapshot?include=everything");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("include"), "{}", refused.text());
}

#[test]
fn one_picture_serves_all_who_ask_within_an_interval() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 1);
    fleet.ingest(&app, NOW);
    let first = app.live().frame(NOW + 100);
    assert!(std::sync::Arc::ptr_eq(&first, &app.live().frame(NOW + 4000)));
    fleet.ingest(&app, NOW + 5000);
    // The next page was expected at +5 s and has arrived: it is shown at once.
    let second = app.live().frame(NOW + 5400);
    assert_eq!(second.rev, first.rev + 1);
    assert_eq!(second.at, NOW + 5000);
    // A clock that is set back does not freeze the picture.
    assert_eq!(app.live().frame(NOW - 3_600_000).rev, first.rev + 2);
}

#[test]
fn whoever_applies_the_events_has_the_snapshot() {
    let (app, _folder) = app();
    let place = app.live().listeners.join().unwrap();
    let mut fleet = Fleet::of(3, 4);
    let mut client = Client::default();
    let mut random = Random(7);
    let mut kinds = HashMap::new();
    for step in 0..60 {
        let now = NOW + step * 5000;
        fleet.change(&mut random);
        fleet.ingest(&app, now);
        for event in app.live().events(now + 400, client.rev(), true) {
            *kinds.entry(event.name).or_insert(0) += 1;
            client.take(event.name, &event.data);
        }
        let whole = snapshot(&app, now + 400);
        client.equals(&whole);
        adds_up(&whole["funnel"]);
    }
    assert_eq!(kinds["full"], 1, "{kinds:?}");
    assert!(kinds["cells"] > 40 && kinds["structure"] > 2, "{kinds:?}");
    drop(place);
}

#[test]
fn who_comes_back_goes_on_from_the_last_event_or_gets_everything() {
    let (app, _folder) = app();
    let live = app.live();
    let _place = live.listeners.join().unwrap();
    let mut fleet = Fleet::of(1, 2);
    let mut client = Client::default();
    let step = |fleet: &mut Fleet, number: i64| {
        fleet.spend("active", 5.0);
        fleet.ingest(&app, NOW + number * 5000);
        live.frame(NOW + number * 5000 + 400);
        NOW + number * 5000 + 400
    };
    let now = step(&mut fleet, 0);
    live.events(now, None, false).iter().for_each(|event| client.take(event.name, &event.data));
    step(&mut fleet, 1);
    step(&mut fleet, 2);
    let now = step(&mut fleet, 3);
    let missed = live.events(now, client.rev(), false);
    assert_eq!(missed.iter().map(|event| event.name).collect::<Vec<_>>(), ["cells"; 3]);
    missed.iter().for_each(|event| client.take(event.name, &event.data));
    assert!(live.events(now, client.rev(), false).is_empty());
    // Too long away, or from another process.
    let unknown = live.events(now, Some(1), false);
    assert_eq!(unknown.iter().map(|event| event.name).collect::<Vec<_>>(), ["full"]);
    let id = String::from_utf8(live.text(&unknown[0]).to_vec()).unwrap();
    let id = id.lines().next().unwrap().strip_prefix("id: ").unwrap();
    assert_eq!(live.rev_of_id(id), Some(unknown[0].rev));
    assert_eq!(live.rev_of_id("0-17"), None);
    assert_eq!(live.rev_of_id("nonsense"), None);
}

#[test]
fn the_stream_sends_everything_first_and_then_what_changed() {
    let (app, _folder) = app();
    let mut fleet = Fleet::of(1, 2);
    fleet.ingest(&app, NOW);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use http_body_util::BodyExt as _;
        use tower::ServiceExt as _;
        let request = axum::http::Request::get("/api/v1/stream").header("host", "localhost:9470");
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = crate::router(app.clone()).oneshot(request).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut body = answer.into_body();
        let mut next = async || {
            let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
            String::from_utf8(frame.to_vec()).unwrap()
        };
        assert_eq!(next().await, "retry: 2000\n\n");
        let full = next().await;
        let lines: Vec<&str> = full.lines().collect();
        assert!(lines[0].starts_with("id: ") && lines[1] == "event: full", "{full}");
        let data: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["gpu"]["uuid"].as_array().unwrap().len(), 2);
        assert!(full.ends_with("\n\n"));
        assert_eq!(app.live().listeners.count(), 1);
        drop(body);
        for _ in 0..100 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            if app.live().listeners.count() == 0 {
                return;
            }
        }
        panic!("the place of a listener that left is not free");
    });
}
