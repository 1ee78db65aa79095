//! Pages of text that this process made itself, stored as if they had been scraped.
//!
//! Of a target's newest page only a hash of each series is kept. Which series vanished is seen in
//! these; their labels are asked of the store, which has them anyway.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use model::labels::Labels;
use model::series::{Matcher, MatcherOp, STALE_NAN};
use store::{AppendError, Appended, Batch};

use super::metadata::kind_named;
use super::text::{self, Line, LineError, Pair};
use crate::App;

/// Why a page was not stored.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum IngestError {
    #[error("the page is not Prometheus text")]
    Text(#[source] LineError),
    #[error("the store does not take the page")]
    Store(#[source] AppendError),
}

/// What became of a page.
#[derive(Debug, Clone, Default)]
pub struct Ingested {
    /// What the store says.
    pub appended: Appended,
    /// Series that the page before had and this one lacks.
    pub ended: usize,
}

/// Labels that say who holds a GPU; stored under these names too, whatever scraped the page.
const HOLDER: [(&str, &str); 3] = [
    ("namespace", "exported_namespace"),
    ("pod", "exported_pod"),
    ("container", "exported_container"),
];

/// Newest pages by target. The server has its own; whoever fills in the past keeps another, as what
/// ended then has not ended now.
#[derive(Debug, Default)]
pub struct Pages {
    hasher: RandomState,
    targets: Mutex<HashMap<Labels, Arc<Mutex<Newest>>>>,
}

#[derive(Debug, Default)]
struct Newest {
    at: i64,
    /// A hash per series, sorted.
    series: Vec<u64>,
}

impl Pages {
    /// See [`App::ingest_text`].
    ///
    /// # Errors
    /// As there.
    pub fn ingest(
        &self,
        app: &App,
        now: i64,
        page: &str,
        extra: &[(&str, &str)],
    ) -> Result<Ingested, IngestError> {
        let target = self.target(extra);
        let mut newest = target.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = rows(app, page, extra).map_err(IngestError::Text)?;
        let mut series: Vec<u64> = rows.iter().map(|row| self.hash(&row.labels)).collect();
        series.sort_unstable();
        let vanished = self.vanished(app, &newest, &series, extra);
        let mut batch = Batch::new();
        for row in &rows {
            batch.push(pairs(&row.labels), [(row.time.unwrap_or(now), row.value)]);
        }
        push_up(&mut batch, now, extra, 1.0);
        push_ends(&mut batch, now, &vanished);
        let appended = app.append(now, &batch).map_err(IngestError::Store)?;
        *newest = Newest { at: now, series };
        Ok(Ingested { appended, ended: vanished.len() })
    }

    /// See [`App::target_gone`].
    ///
    /// # Errors
    /// As there.
    pub fn gone(&self, app: &App, now: i64, extra: &[(&str, &str)]) -> Result<(), IngestError> {
        let target = self.target(extra);
        let mut newest = target.lock().unwrap_or_else(PoisonError::into_inner);
        let vanished = self.vanished(app, &newest, &[], extra);
        let mut batch = Batch::new();
        push_up(&mut batch, now, extra, 0.0);
        push_ends(&mut batch, now, &vanished);
        app.append(now, &batch).map_err(IngestError::Store)?;
        *newest = Newest::default();
        Ok(())
    }

    fn target(&self, extra: &[(&str, &str)]) -> Arc<Mutex<Newest>> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(targets.entry(Labels::new(extra.iter().copied())).or_default())
    }

    /// Labels of the series that were in the newest page and are not in this one.
    fn vanished(
        &self,
        app: &App,
        newest: &Newest,
        series: &[u64],
        extra: &[(&str, &str)],
    ) -> Vec<Labels> {
        let stays = |hash: &u64| series.binary_search(hash).is_ok();
        if newest.series.iter().all(stays) {
            return Vec::new();
        }
        let matchers: Vec<Matcher> = extra.iter().map(|(name, value)| equal(name, value)).collect();
        let latest = app.store().latest(&matchers, newest.at, newest.at);
        let labels = latest.into_iter().filter_map(|one| app.store().labels(one.series));
        let was_there = |hash: &u64| newest.series.binary_search(hash).is_ok() && !stays(hash);
        labels.filter(|labels| was_there(&self.hash_of(labels.iter()))).collect()
    }

    fn hash(&self, labels: &[Pair<'_>]) -> u64 {
        self.hash_of(pairs(labels))
    }

    /// Of the labels in their order: rows are sorted as the store sorts.
    fn hash_of<'a>(&self, labels: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        labels.for_each(|pair| std::hash::Hash::hash(&pair, &mut hasher));
        std::hash::Hasher::finish(&hasher)
    }
}

fn equal(name: &str, value: &str) -> Matcher {
    Matcher { name: name.to_owned(), op: MatcherOp::Equal, value: value.to_owned() }
}

struct Row<'a> {
    labels: Vec<Pair<'a>>,
    time: Option<i64>,
    value: f64,
}

fn rows<'a>(
    app: &App,
    page: &'a str,
    extra: &[(&'a str, &'a str)],
) -> Result<Vec<Row<'a>>, LineError> {
    let mut rows = Vec::new();
    text::lines(page, |line, labels| match line {
        Line::Sample(sample) => {
            let labels = as_scraped(labels, extra);
            rows.push(Row { labels, time: sample.time, value: sample.value });
        }
        Line::Type { name, kind } => app.metadata().typed(name, kind_named(kind)),
        Line::Help { name, help } => app.metadata().helped(name, &help),
    })?;
    Ok(rows)
}

/// Labels as a scrape makes them: sorted, none empty, those of the target in place of the page's.
fn as_scraped<'a>(labels: &mut Vec<Pair<'a>>, extra: &[(&'a str, &'a str)]) -> Vec<Pair<'a>> {
    let mut all = Vec::with_capacity(labels.len() + extra.len() + HOLDER.len());
    let of_a_gpu = labels
        .first()
        .is_some_and(|(_, name)| name.starts_with("gpu_") || name.starts_with("DCGM_"));
    for (name, value) in labels.drain(..).filter(|(_, value)| !value.is_empty()) {
        if let Some((_, copy)) = HOLDER.iter().find(|(plain, _)| of_a_gpu && *plain == name) {
            all.push(((*copy).into(), value.clone()));
        }
        if extra.iter().any(|(added, _)| *added == name) {
            all.push((format!("exported_{name}").into(), value));
        } else {
            all.push((name, value));
        }
    }
    all.extend(extra.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.dedup_by(|a, b| a.0 == b.0);
    all
}

fn pairs<'r>(labels: &'r [Pair<'_>]) -> impl Iterator<Item = (&'r str, &'r str)> {
    labels.iter().map(|(name, value)| (&**name, &**value))
}

fn push_up<'a>(batch: &mut Batch<'a>, now: i64, extra: &[(&'a str, &'a str)], up: f64) {
    batch.push([("__name__", "up")].into_iter().chain(extra.iter().copied()), [(now, up)]);
}

fn push_ends<'a>(batch: &mut Batch<'a>, now: i64, vanished: &'a [Labels]) {
    for labels in vanished {
        batch.push(labels, [(now, STALE_NAN)]);
    }
}

#[cfg(test)]
mod tests;
