//! Pages as scrapes: labels, staleness, `up`.

use crate::testing::{NOW, app, query};
use crate::{App, Config};

const TARGET: [(&str, &str); 2] = [("job", "gpulse"), ("instance", "node-1")];

/// Series that `selector` has at `time`, as PromQL writes them, sorted.
fn at(app: &App, selector: &str, time: i64) -> Vec<String> {
    let result = query(app, selector, time);
    let mut all: Vec<String> = result.iter().map(|series| series["metric"].to_string()).collect();
    all.sort();
    all
}

#[test]
fn a_page_gets_the_targets_labels_and_its_own_are_kept_as_exported() {
    let (app, _folder) = app(Config::default());
    let page = "a{job=\"own\",x=\"1\",empty=\"\"} 1\n\
                gpu_process_info{gpu=\"0\",pod=\"p\",namespace=\"n\",container=\"\"} 1\n\
                other{pod=\"p\"} 1\n";
    let ingested = app.ingest_text(NOW, page, &TARGET).unwrap();
    assert_eq!((ingested.appended.stored, ingested.ended), (4, 0));
    let same = |selector: &str, expected: serde_json::Value| {
        assert_eq!(at(&app, selector, NOW), [expected.to_string()], "{selector}");
    };
    same(
        "a",
        serde_json::json!({"__name__": "a", "exported_job": "own", "instance": "node-1", "job": "gpulse", "x": "1"}),
    );
    same(
        "gpu_process_info",
        serde_json::json!({
            "__name__": "gpu_process_info", "exported_namespace": "n", "exported_pod": "p", "gpu": "0",
            "instance": "node-1", "job": "gpulse", "namespace": "n", "pod": "p",
        }),
    );
    same(
        "other",
        serde_json::json!({"__name__": "other", "instance": "node-1", "job": "gpulse", "pod": "p"}),
    );
    same("up", serde_json::json!({"__name__": "up", "instance": "node-1", "job": "gpulse"}));
}

#[test]
fn a_series_that_vanishes_ends_at_once_and_may_come_back() {
    let (app, _folder) = app(Config::default());
    let ingest = |time, page: &str| app.ingest_text(time, page, &TARGET).unwrap().ended;
    assert_eq!(ingest(NOW, "s{pid=\"1\"} 1\ns{pid=\"2\"} 1\n"), 0);
    // Another target has a series of the same name.
    app.ingest_text(NOW, "s{pid=\"2\"} 1\n", &[("job", "gpulse"), ("instance", "node-2")]).unwrap();
    assert_eq!(ingest(NOW + 5000, "s{pid=\"1\"} 1\n"), 1);
    let on_node_1 = "s{instance=\"node-1\"}";
    assert_eq!(at(&app, on_node_1, NOW).len(), 2);
    assert_eq!(at(&app, on_node_1, NOW + 5000).len(), 1);
    assert_eq!(at(&app, "s{instance=\"node-2\"}", NOW + 5000).len(), 1);
    assert_eq!(ingest(NOW + 10_000, "s{pid=\"1\"} 1\ns{pid=\"2\"} 1\n"), 0);
    assert_eq!(at(&app, on_node_1, NOW + 10_000).len(), 2);
}

#[test]
fn a_target_that_is_gone_is_down_and_has_no_series() {
    let (app, _folder) = app(Config::default());
    app.ingest_text(NOW, "s 1\n", &TARGET).unwrap();
    app.target_gone(NOW + 5000, &TARGET).unwrap();
    assert!(at(&app, "s", NOW + 5000).is_empty());
    assert_eq!(at(&app, "up == 0", NOW + 5000).len(), 1);
    assert!(app.ingest_text(NOW, "broken{\n", &TARGET).is_err());
}
