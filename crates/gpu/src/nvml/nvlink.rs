//! The rate of the NVLink counters, over the same span as profiling.

use std::collections::VecDeque;
use std::time::Duration;

use model::Timestamp;

/// Readings that are kept: enough to look back one span in steps of a third of it.
const KEPT: usize = 4;

/// The rates of one GPU, by link; of those that are asked for.
#[derive(Debug)]
pub(crate) struct LinkRates {
    span: Duration,
    links: Vec<(u32, LinkRate)>,
}

impl LinkRates {
    pub(crate) const fn new(span: Duration) -> Self {
        Self { span, links: Vec::new() }
    }

    /// MB/s of that link, or of all.
    pub(crate) fn rate(&mut self, scope: u32, now: Timestamp, kibibytes: u64) -> f64 {
        let place = self.links.iter().position(|(known, _)| *known == scope).unwrap_or_else(|| {
            self.links.push((scope, LinkRate::new(self.span)));
            self.links.len() - 1
        });
        self.links[place].1.rate(now, kibibytes)
    }
}

/// Remembers earlier counts of one link.
#[derive(Debug)]
struct LinkRate {
    span: Duration,
    seen: VecDeque<(Timestamp, u64)>,
}

impl LinkRate {
    const fn new(span: Duration) -> Self {
        Self { span, seen: VecDeque::new() }
    }

    /// MB/s since the oldest count within the span. As in DCGM the first reading and a zero
    /// counter give 0, and KiB/s / 1000 is called MB/s.
    fn rate(&mut self, now: Timestamp, kibibytes: u64) -> f64 {
        if self.seen.back().is_some_and(|&(at, count)| at > now || count > kibibytes) {
            self.seen.clear();
        }
        let since = self.seen.front().copied();
        self.remember(now, kibibytes);
        let Some((at, count)) = since else { return 0.0 };
        let seconds = now.since(at).as_secs_f64();
        if kibibytes == 0 || seconds <= 0.0 {
            return 0.0;
        }
        (super::whole(kibibytes - count) / seconds / 1000.0).trunc()
    }

    fn remember(&mut self, now: Timestamp, kibibytes: u64) {
        let step = self.span / 3;
        if self.seen.back().is_none_or(|&(at, _)| now.since(at) >= step) {
            if self.seen.len() == KEPT {
                self.seen.pop_front();
            }
            self.seen.push_back((now, kibibytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reading_is_zero_and_a_reload_starts_again() {
        let mut link = LinkRate::new(Duration::from_secs(15));
        let at = Timestamp::from_secs;
        assert_eq!(link.rate(at(100), 5_000_000), 0.0);
        assert_eq!(link.rate(at(101), 5_012_900), 12.0);
        assert_eq!(link.rate(at(102), 7), 0.0);
        assert_eq!(link.rate(at(103), 0), 0.0);
    }

    #[test]
    fn the_rate_looks_back_one_span_and_no_further() {
        let mut link = LinkRate::new(Duration::from_secs(15));
        for second in 0..60_u64 {
            link.rate(Timestamp::from_secs(1000 + i64::try_from(second).unwrap()), second * 1000);
        }
        // From here on twice as fast: after a full span (and a step) only the new rate is left.
        let mut last = 0.0;
        for second in 60..85_u64 {
            let count = 60_000 + (second - 60) * 2000;
            last = link.rate(Timestamp::from_secs(1000 + i64::try_from(second).unwrap()), count);
        }
        assert_eq!(last, 2.0);
        assert!(link.seen.len() <= KEPT);
    }
}
