//! Series in memory, for tests, and results by series and time.

use std::collections::HashMap;

use model::series::Samples;
use promql::{Labels, Matcher, Outcome, Series, SeriesSource, SourceError, Value};

/// Series with their samples.
#[derive(Default)]
pub(crate) struct Memory {
    all: Vec<(Labels, Vec<(i64, f64)>)>,
}

impl Memory {
    /// Series by name alone.
    pub(crate) fn of<'a>(all: impl IntoIterator<Item = (&'a str, Vec<(i64, f64)>)>) -> Self {
        let all = all.into_iter().map(|(name, samples)| (labels(name), samples));
        Self { all: all.collect() }
    }

    /// Series by name and a number, their place.
    pub(crate) fn numbered(all: Vec<(String, Vec<(i64, f64)>)>) -> Self {
        let all = all.into_iter().enumerate();
        let with = |(at, (name, samples)): (usize, (String, _))| {
            (labels(&name).with("number", &at.to_string()), samples)
        };
        Self { all: all.map(with).collect() }
    }
}

fn labels(name: &str) -> Labels {
    Labels::new([("__name__", name)])
}

struct Held<'a>(&'a (Labels, Vec<(i64, f64)>));

impl Series for Held<'_> {
    fn labels(&self) -> Labels {
        self.0.0.clone()
    }

    fn read(&self, from: i64, to: i64, into: &mut Samples) -> Result<(), SourceError> {
        let within = self.0.1.iter().filter(|(time, _)| (from..=to).contains(time));
        within.for_each(|(time, value)| into.push(*time, *value));
        Ok(())
    }
}

impl SeriesSource for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        _: i64,
        _: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        let passes = |labels: &Labels| matchers.iter().all(|m| m.accepts(labels.get(&m.name)));
        let found = self.all.iter().filter(|(labels, _)| passes(labels));
        Ok(found.map(|series| Box::new(Held(series)) as Box<dyn Series>).collect())
    }
}

/// A result by name and time.
pub(crate) struct Found(HashMap<(String, i64), f64>);

impl Found {
    /// The value of the only series.
    pub(crate) fn at(&self, at: i64) -> Option<f64> {
        self.0.iter().find(|((_, time), _)| *time == at).map(|(_, value)| *value)
    }

    /// The value of the series of this name.
    pub(crate) fn of(&self, name: &str, at: i64) -> Option<f64> {
        self.0.get(&(name.to_owned(), at)).copied()
    }
}

/// A result by name and time.
pub(crate) fn matrix(outcome: &Outcome) -> Found {
    let mut found = HashMap::new();
    match &outcome.value {
        Value::Matrix(all) => {
            for series in all {
                let name = series.labels.name();
                found.extend(series.points.iter().map(|p| ((name.to_owned(), p.at), p.value)));
            }
        }
        Value::Vector(all) => {
            let named =
                all.iter().map(|s| ((s.labels.name().to_owned(), s.point.at), s.point.value));
            found.extend(named);
        }
        Value::Scalar(point) => {
            found.insert((String::new(), point.at), point.value);
        }
        Value::String(_) => {}
    }
    Found(found)
}
