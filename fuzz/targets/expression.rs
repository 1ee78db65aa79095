//! PromQL from a browser: answered or refused, over a few series, within bounds.

#![no_main]

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use model::labels::Labels;
use model::series::{Matcher, Samples, Series, SeriesSource, SourceError};
use promql::{Engine, Options};

struct Counters;

struct Counter(&'static str);

impl Series for Counter {
    fn labels(&self) -> Labels {
        Labels::new([("__name__", "a"), ("gpu", self.0), ("le", self.0)])
    }

    fn read(&self, from: i64, to: i64, into: &mut Samples) -> Result<(), SourceError> {
        for time in (0..600_000).step_by(15_000).filter(|time| (from..=to).contains(time)) {
            into.push(time, f64::from(u32::try_from(time % 90_000).unwrap_or(0)));
        }
        Ok(())
    }
}

impl SeriesSource for Counters {
    fn select(
        &self,
        matchers: &[Matcher],
        _from: i64,
        _to: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        let passes = |series: &Counter| {
            let labels = series.labels();
            matchers.iter().all(|matcher| matcher.accepts(labels.get(&matcher.name)))
        };
        let all = ["0", "1", "+Inf"].map(Counter).into_iter().filter(passes);
        Ok(all.map(|series| Box::new(series) as Box<dyn Series>).collect())
    }
}

// libFuzzer's own hook ends the process at any panic, also at one that is caught: the parser's are.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |bytes: &[u8]| {
    let Ok(query) = std::str::from_utf8(bytes) else { return };
    let engine = Engine::new(Options {
        max_samples: 100_000,
        timeout: Duration::from_secs(2),
        ..Options::default()
    });
    let cancel = AtomicBool::new(false);
    let _ = engine.instant(&Counters, query, 300_000, &cancel);
    let _ = engine.range(&Counters, query, (0, 300_000, 60_000), &cancel);
});
