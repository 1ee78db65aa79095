//! Two servers' answers to one query, compared: the same series with the same values.

use std::collections::BTreeMap;

use serde_json::Value;

/// How far two values may lie apart, as a part of the larger.
///
/// Prometheus adds samples in the order of its storage and carries a compensation only within one
/// chunk of work; sums over the same samples in another order differ by a few units in the last
/// place, and what is computed from differences of such sums (deviations, slopes) by more.
pub const RELATIVE: f64 = 1e-9;

/// Where two answers differ, for people; `None` where they agree.
#[must_use]
pub fn difference(ours: &Value, theirs: &Value) -> Option<String> {
    if ours["status"] != theirs["status"] || ours["errorType"] != theirs["errorType"] {
        return Some(format!("{} and {}", brief(ours), brief(theirs)));
    }
    if ours["status"] == "error" {
        return None;
    }
    for kind in ["warnings", "infos"] {
        if sorted(&ours[kind]) != sorted(&theirs[kind]) {
            return Some(format!("{kind}: {} and {}", ours[kind], theirs[kind]));
        }
    }
    let (ours, theirs) = (&ours["data"], &theirs["data"]);
    if ours["resultType"] != theirs["resultType"] {
        return Some(format!("{} and {}", ours["resultType"], theirs["resultType"]));
    }
    match ours["resultType"].as_str() {
        Some("vector" | "matrix") => of_series(&ours["result"], &theirs["result"]),
        _ => {
            of_values(&ours["result"], &theirs["result"]).map(|what| format!("the scalar: {what}"))
        }
    }
}

/// Where two answers differ in their values alone: of series that tie, `topk` may choose either.
#[must_use]
pub fn difference_of_values(ours: &Value, theirs: &Value) -> Option<String> {
    let values = |answer: &Value| {
        let series = answer["data"]["result"].as_array().map(Vec::as_slice).unwrap_or_default();
        let points = series.iter().flat_map(|one| match one["values"].as_array() {
            Some(list) => list.iter().map(ToString::to_string).collect(),
            None => vec![one["value"].to_string()],
        });
        let mut all: Vec<String> = points.collect();
        all.sort();
        all
    };
    let (ours, theirs) = (values(ours), values(theirs));
    (ours != theirs).then(|| format!("{} and {} values", ours.len(), theirs.len()))
}

fn of_series(ours: &Value, theirs: &Value) -> Option<String> {
    let (ours, theirs) = (by_labels(ours), by_labels(theirs));
    let only = |one: &BTreeMap<String, &Value>, other: &BTreeMap<String, &Value>| {
        one.keys().find(|labels| !other.contains_key(*labels)).cloned()
    };
    if let Some(labels) = only(&ours, &theirs) {
        return Some(format!("only gpulse has {labels} ({} and {})", ours.len(), theirs.len()));
    }
    if let Some(labels) = only(&theirs, &ours) {
        return Some(format!("gpulse lacks {labels} ({} and {})", ours.len(), theirs.len()));
    }
    ours.iter().find_map(|(labels, ours)| {
        let theirs = theirs.get(labels)?;
        let key = if ours["value"].is_null() { "values" } else { "value" };
        of_values(&ours[key], &theirs[key]).map(|what| format!("{labels}: {what}"))
    })
}

fn by_labels(series: &Value) -> BTreeMap<String, &Value> {
    let list = series.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|one| (one["metric"].to_string(), one)).collect()
}

/// One point, or a list of them.
fn of_values(ours: &Value, theirs: &Value) -> Option<String> {
    let points = |value: &Value| -> Vec<(String, String)> {
        let point = |at: &Value| (at[0].to_string(), at[1].as_str().unwrap_or("?").to_owned());
        match value.as_array() {
            Some(list) if list.first().is_some_and(Value::is_array) => {
                list.iter().map(point).collect()
            }
            _ => vec![point(value)],
        }
    };
    let (ours, theirs) = (points(ours), points(theirs));
    if ours.len() != theirs.len() {
        return Some(format!("{} and {} points", ours.len(), theirs.len()));
    }
    ours.iter().zip(&theirs).find(|(ours, theirs)| !same(ours, theirs)).map(|(ours, theirs)| {
        format!("at {}: {} and, at {}, {}", ours.0, ours.1, theirs.0, theirs.1)
    })
}

fn same(ours: &(String, String), theirs: &(String, String)) -> bool {
    let times = ours.0.parse::<f64>().ok() == theirs.0.parse::<f64>().ok();
    times && (ours.1 == theirs.1 || near(&ours.1, &theirs.1))
}

fn near(ours: &str, theirs: &str) -> bool {
    let (Ok(ours), Ok(theirs)) = (ours.parse::<f64>(), theirs.parse::<f64>()) else { return false };
    if ours.is_nan() || theirs.is_nan() {
        return ours.is_nan() && theirs.is_nan();
    }
    // What is left of a difference of equal numbers is nothing but the error of the last place.
    let tiny = ours.abs() < 1e-6 && theirs.abs() < 1e-6;
    tiny || (ours - theirs).abs() <= RELATIVE * ours.abs().max(theirs.abs())
}

/// Sentences without what varies in them: the place, of which Prometheus keeps the last one that it
/// came by, and the buckets of a histogram that had to be made monotonic.
fn sorted(list: &Value) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut texts: Vec<String> = list.iter().filter_map(Value::as_str).map(plain).collect();
    texts.sort();
    texts.dedup();
    texts
}

fn plain(sentence: &str) -> String {
    let fixed = "needed to be fixed for monotonicity";
    let end = sentence.find(fixed).map(|at| at + fixed.len()).or_else(|| sentence.rfind(" ("));
    sentence[..end.unwrap_or(sentence.len())].to_owned()
}

fn brief(answer: &Value) -> String {
    let text = answer.to_string();
    text.chars().take(300).collect()
}
