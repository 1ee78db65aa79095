//! Which series a row is, and which of its samples are taken.

use super::{Context, Writer};
use crate::batch::{Batch, RowRef};
use crate::outcome::{Appended, Reason};
use crate::wal::Sample;

/// From when to when samples are taken.
#[derive(Debug, Clone, Copy)]
struct Span {
    oldest: i64,
    newest: i64,
}

impl Span {
    fn check(self, time: i64) -> Result<(), Reason> {
        if time < self.oldest {
            Err(Reason::TooOld { time, oldest: self.oldest })
        } else if time > self.newest {
            Err(Reason::TooFarAhead { time, newest: self.newest })
        } else {
            Ok(())
        }
    }
}

impl Writer {
    /// Fills `accepted`; notes the rest.
    pub(super) fn admit(
        &mut self,
        context: &Context<'_>,
        batch: &Batch<'_>,
        hashes: &[u128],
        appended: &mut Appended,
    ) {
        self.accepted.clear();
        let mut index = Some(context.head.index());
        for (at, hash) in hashes.iter().enumerate() {
            let Some(row) = batch.row(at) else { break };
            let Some((first, _)) = row.samples.first() else { continue };
            let found = index.as_ref().and_then(|index| match row.raw {
                Some(_) => index.by_raw(*hash),
                None => index.by_labels(*hash),
            });
            let slot = found.map_or_else(
                || {
                    self.span(context).check(*first)?;
                    // The index is let go while a series is added.
                    drop(index.take());
                    let slot = self.find_or_add(context, batch, row, *hash);
                    index = Some(context.head.index());
                    slot
                },
                Ok,
            );
            match slot {
                Ok(slot) => self.admit_samples(context, slot, at, row.samples, appended),
                Err(reason) => Self::refuse(context, appended, at, row.samples.len(), reason),
            }
        }
    }

    /// What is taken moves on with the newest sample.
    fn span(&self, context: &Context<'_>) -> Span {
        let oldest = self
            .newest_ms
            .map_or(i64::MIN, |newest| newest.saturating_sub(context.options.out_of_order_ms));
        Span { oldest, newest: context.now_ms.saturating_add(context.options.future_ms) }
    }

    fn admit_samples(
        &mut self,
        context: &Context<'_>,
        slot: u32,
        row: usize,
        samples: &[(i64, f64)],
        appended: &mut Appended,
    ) {
        self.grow(slot);
        let mut span = self.span(context);
        for &(time, value) in samples {
            let newest = self.newest[slot as usize];
            if let Err(reason) = span.check(time) {
                Self::refuse(context, appended, row, 1, reason);
                continue;
            }
            if time > newest.0 {
                self.newest[slot as usize] = (time, value.to_bits());
                self.accepted.push(Sample { slot, late: false, time, value });
                if self.newest_ms.is_none_or(|newest| time > newest) {
                    self.newest_ms = Some(time);
                    span = self.span(context);
                }
                continue;
            }
            let known = if time == newest.0 {
                Some(newest.1)
            } else {
                let scratch = &mut self.scratch;
                context.head.with(slot, |data| data.at(time, scratch)).flatten().map(f64::to_bits)
            };
            match known {
                None => self.accepted.push(Sample { slot, late: true, time, value }),
                Some(bits) if bits == value.to_bits() => appended.duplicates += 1,
                Some(_) => appended.conflicts += 1,
            }
        }
    }

    /// The series of a row that the first look did not find.
    fn find_or_add(
        &mut self,
        context: &Context<'_>,
        batch: &Batch<'_>,
        row: RowRef<'_, '_>,
        hash: u128,
    ) -> Result<u32, Reason> {
        let mut labels = Vec::new();
        match (row.raw, batch.reader()) {
            (Some(raw), Some(read)) => read(raw, &mut labels).map_err(Reason::Unreadable)?,
            (Some(_), None) => return Err(Reason::Unreadable("no reader was given")),
            (None, _) => labels.extend_from_slice(row.labels),
        }
        let slot = self.find_or_add_labels(context, &mut labels)?;
        if row.raw.is_some() {
            context.head.name_raw(slot, hash);
        }
        Ok(slot)
    }

    /// The series with these labels, added if it is not there.
    pub(crate) fn find_or_add_labels(
        &mut self,
        context: &Context<'_>,
        labels: &mut Vec<(&str, &str)>,
    ) -> Result<u32, Reason> {
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort_unstable();
        check(labels, context)?;
        let hash = context.key.labels(labels.iter().copied(), &mut Vec::new());
        let (found, series) = {
            let index = context.head.index();
            (index.by_labels(hash), index.len())
        };
        if let Some(slot) = found {
            return Ok(slot);
        }
        let most = context.options.limits.active_series;
        if series >= most {
            return Err(Reason::TooManySeries(most));
        }
        let slot = context.head.add(hash, labels);
        self.clear(slot);
        Ok(slot)
    }
}

/// Are these labels, sorted and none empty, those of a series?
fn check(labels: &[(&str, &str)], context: &Context<'_>) -> Result<(), Reason> {
    let limits = &context.options.limits;
    let found = labels.len();
    if found == 0 {
        return Err(Reason::NoLabels);
    }
    if found > limits.labels_per_series {
        return Err(Reason::TooManyLabels { found, most: limits.labels_per_series });
    }
    for (name, value) in labels {
        let shown = || name.chars().take(64).collect();
        let (found, most) = (name.len(), limits.label_name_bytes);
        if found == 0 {
            return Err(Reason::NoLabelName);
        }
        if found > most {
            return Err(Reason::LabelNameTooLong { name: shown(), found, most });
        }
        let (found, most) = (value.len(), limits.label_value_bytes);
        if found > most {
            return Err(Reason::LabelValueTooLong { name: shown(), found, most });
        }
    }
    match labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Reason::LabelTwice(pair[0].0.chars().take(64).collect())),
        None => Ok(()),
    }
}
