//! A query's answer in Prometheus's JSON, read into series.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A sample: unix seconds, and the value as the server spells it.
pub(crate) type Point = (f64, String);

/// One series of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    /// Labels, the metric's name as `__name__`.
    #[serde(default)]
    pub(crate) metric: BTreeMap<String, String>,
    /// Samples: one of an instant, those of a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Point>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Vec<Point>>,
}

impl Series {
    /// Its samples, whichever kind it is of.
    pub(crate) fn points(&self) -> &[Point] {
        match (&self.value, &self.values) {
            (_, Some(values)) => values,
            (Some(value), None) => std::slice::from_ref(value),
            (None, None) => &[],
        }
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// `vector`, `matrix`, `scalar` or `string`.
    pub(crate) kind: String,
    /// A scalar or string is a series without labels.
    pub(crate) series: Vec<Series>,
    /// What the server says besides.
    pub(crate) notes: Vec<String>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Data<'a>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "resultType")]
    kind: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

/// Read the body of an answer.
///
/// # Errors
/// It is no answer of this API.
pub(crate) fn read(body: &[u8]) -> anyhow::Result<Answer> {
    let unread = "the answer is not that of a Prometheus API";
    let envelope: Envelope<'_> = serde_json::from_slice(body).context(unread)?;
    let result = envelope.data.result.get();
    let series = match envelope.data.kind.as_str() {
        "vector" | "matrix" => serde_json::from_str(result).context(unread)?,
        _ => {
            let value: Point = serde_json::from_str(result).context(unread)?;
            vec![Series { metric: BTreeMap::new(), value: Some(value), values: None }]
        }
    };
    let notes = envelope.warnings.into_iter().chain(envelope.infos).collect();
    Ok(Answer { kind: envelope.data.kind, series, notes })
}
