//! Names of series: the labels that differ; those that all have are said once.

use std::collections::BTreeMap;

use super::answer::Series;

/// Labels as a list.
pub(crate) type Named<'a> = Vec<(&'a str, &'a str)>;

/// The names of the labels that tell the series apart, in order; the metric's name first.
pub(crate) fn differing(series: &[Series]) -> Vec<&str> {
    let mut names: BTreeMap<&str, ()> = BTreeMap::new();
    for one in series {
        names.extend(one.metric.keys().map(|name| (name.as_str(), ())));
    }
    let first = series.first();
    let value = |of: &Series, name: &str| of.metric.get(name).cloned().unwrap_or_default();
    let differs = |name: &&str| {
        first.is_some_and(|first| series.iter().any(|of| value(of, name) != value(first, name)))
    };
    // Sorted by bytes, `__name__` comes before small letters.
    let mut differing: Vec<&str> = names.into_keys().filter(differs).collect();
    differing.sort_by_key(|name| *name != "__name__");
    differing
}

/// The labels that all series have alike.
pub(crate) fn common<'a>(series: &'a [Series], differing: &[&str]) -> Named<'a> {
    let Some(first) = series.first() else { return Vec::new() };
    let labels = first.metric.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    labels.filter(|(name, _)| !differing.contains(name)).collect()
}

/// As PromQL writes a series: `name{label="value"}`.
pub(crate) fn spelled(labels: &[(&str, &str)]) -> String {
    let name = labels.iter().find(|(name, _)| *name == "__name__").map_or("", |(_, name)| name);
    let rest: Vec<String> = labels
        .iter()
        .filter(|(name, _)| *name != "__name__")
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    if rest.is_empty() && !name.is_empty() {
        return name.to_owned();
    }
    format!("{name}{{{}}}", rest.join(", "))
}

/// A label's value inside quotes.
pub(crate) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// What a series is called beside others.
pub(crate) fn of(series: &Series, differing: &[&str]) -> String {
    let labels: Named<'_> = differing
        .iter()
        .filter_map(|name| Some((*name, series.metric.get(*name)?.as_str())))
        .collect();
    spelled(&labels)
}
