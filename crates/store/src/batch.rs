//! What is appended at once: rows of labels and samples, borrowed from the body that they came in.

use std::ops::Range;

/// Reads the labels of a raw row (see [`Batch::raw`]) into pairs; says what is wrong with it.
pub type ReadLabels =
    for<'b> fn(&'b [u8], &mut Vec<(&'b str, &'b str)>) -> Result<(), &'static str>;

/// Rows for [`crate::Store::append`]. All rows lie in three flat arrays, so that a batch costs no
/// allocation per row and none at all once it is recycled.
///
/// A row is written as its labels ([`Batch::label`], in any order) or its raw bytes
/// ([`Batch::raw`]), then its samples, then [`Batch::end_row`]. [`Batch::push`] does all of it.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    labels: Vec<(&'a str, &'a str)>,
    samples: Vec<(i64, f64)>,
    rows: Vec<Ends<'a>>,
    raw: Option<&'a [u8]>,
    read: Option<ReadLabels>,
}

#[derive(Debug, Clone, Copy)]
struct Ends<'a> {
    labels: usize,
    samples: usize,
    raw: Option<&'a [u8]>,
}

/// One row of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowRef<'r, 'a> {
    /// Empty where the row is raw.
    pub labels: &'r [(&'a str, &'a str)],
    pub raw: Option<&'a [u8]>,
    pub samples: &'r [(i64, f64)],
}

impl<'a> Batch<'a> {
    /// No rows; raw ones are refused.
    pub fn new() -> Self {
        Self::default()
    }

    /// No rows; `read` is called for the labels of a raw row whose bytes the store has not seen.
    pub fn with_reader(read: ReadLabels) -> Self {
        Self { read: Some(read), ..Self::default() }
    }

    /// Adds a label to the open row. A label with an empty value is as none.
    pub fn label(&mut self, name: &'a str, value: &'a str) {
        self.labels.push((name, value));
    }

    /// Gives the open row's labels as bytes that are read only if they are new. The same bytes have
    /// to mean the same labels, always: a remote-write sender repeats them in each body, and so
    /// nothing is parsed, sorted or compared.
    pub fn raw(&mut self, labels: &'a [u8]) {
        self.raw = Some(labels);
    }

    /// Adds a sample to the open row: ms since the epoch, and its value.
    pub fn sample(&mut self, time: i64, value: f64) {
        self.samples.push((time, value));
    }

    /// Ends the open row.
    pub fn end_row(&mut self) {
        let (labels, samples) = (self.labels.len(), self.samples.len());
        self.rows.push(Ends { labels, samples, raw: self.raw.take() });
    }

    /// Adds a whole row.
    pub fn push(
        &mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        samples: impl IntoIterator<Item = (i64, f64)>,
    ) {
        self.labels.extend(labels);
        self.samples.extend(samples);
        self.end_row();
    }

    /// How many rows have ended.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// The labels of a row, for the answer that names it; empty where they cannot be read.
    pub fn labels_of(&self, row: usize) -> Vec<(&str, &str)> {
        let Some(found) = self.row(row) else { return Vec::new() };
        let mut labels = found.labels.to_vec();
        if let (Some(raw), Some(read)) = (found.raw, self.read)
            && read(raw, &mut labels).is_err()
        {
            labels.clear();
        }
        labels
    }

    /// Empties it for another body and keeps its room.
    pub fn recycle<'b>(self) -> Batch<'b> {
        Batch {
            labels: emptied(self.labels),
            samples: emptied(self.samples),
            rows: emptied(self.rows),
            raw: None,
            read: self.read,
        }
    }

    pub(crate) fn reader(&self) -> Option<ReadLabels> {
        self.read
    }

    pub(crate) fn row(&self, row: usize) -> Option<RowRef<'_, 'a>> {
        let end = *self.rows.get(row)?;
        let before = row.checked_sub(1).and_then(|before| self.rows.get(before));
        let labels = before.map_or(0, |b| b.labels)..end.labels;
        let samples = self.range(row);
        Some(RowRef { labels: &self.labels[labels], raw: end.raw, samples: &self.samples[samples] })
    }

    fn range(&self, row: usize) -> Range<usize> {
        let before = row.checked_sub(1).and_then(|before| self.rows.get(before));
        before.map_or(0, |b| b.samples)..self.rows[row].samples
    }
}

/// The same allocation without its items: collecting in place keeps it, without `unsafe`.
fn emptied<T, U>(mut items: Vec<T>) -> Vec<U> {
    items.clear();
    items.into_iter().filter_map(|_| None).collect()
}

#[cfg(test)]
mod tests {
    use super::Batch;

    #[test]
    fn rows_keep_their_own_labels_and_samples() {
        let mut batch = Batch::new();
        batch.push([("__name__", "up"), ("gpu", "0")], [(1, 1.0), (2, 0.0)]);
        batch.push([("__name__", "down")], []);
        batch.label("a", "b");
        batch.sample(3, 7.0);
        batch.end_row();
        assert_eq!((batch.rows(), batch.samples()), (3, 3));
        assert_eq!(batch.row(0).unwrap().samples, [(1, 1.0), (2, 0.0)]);
        assert_eq!(batch.labels_of(1), [("__name__", "down")]);
        assert_eq!(batch.row(2).unwrap().samples, [(3, 7.0)]);
        assert!(batch.row(3).is_none());
    }

    #[test]
    fn a_recycled_batch_keeps_its_room() {
        let text = "x".to_owned();
        let mut batch = Batch::new();
        (0..100).for_each(|time| batch.push([(text.as_str(), "1")], [(time, 0.0)]));
        let room = (batch.labels.capacity(), batch.samples.capacity());
        let other: Batch<'static> = batch.recycle();
        assert_eq!((other.labels.capacity(), other.samples.capacity()), room);
        assert_eq!(other.rows(), 0);
    }
}
