//! Per-process use: only new samples, only believable ones, none twice.

use std::time::Duration;

use model::observation::UseSample;
use model::{Reading, Timestamp};

use super::answer::refused;
use super::metered::Metered;
use super::{Handle, ProcessUtilization, Return};

/// A stamp further ahead of our clock than this is garbage, not a clock that runs a little fast; it
/// must not become the time after which everything is old.
const AHEAD: Duration = Duration::from_secs(60);

/// Where the samples of one GPU were last read up to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Stamp of the newest sample that was taken, in microseconds.
    pub(crate) read_up_to: u64,
}

impl Usage {
    /// Samples that came since the last call; the first call gives all that the driver still holds.
    pub(crate) fn read(
        &mut self,
        driver: &Metered,
        device: Handle,
        now: Timestamp,
    ) -> Reading<Vec<UseSample>> {
        let limit = u64::try_from(now.after(AHEAD).0).unwrap_or(0);
        if self.read_up_to > limit {
            // Our clock stepped back: start over, so that the next samples are not all "old".
            self.read_up_to = u64::try_from(now.0).unwrap_or(0);
        }
        let since = self.read_up_to;
        match driver.process_utilization(device, since) {
            // No new sample is what the driver says for "nobody used it".
            Err(Return::NOT_FOUND) => Reading::Value(Vec::new()),
            Err(code) => refused(code),
            Ok(entries) => {
                let fresh = |entry: &&ProcessUtilization| {
                    entry.timestamp_us > since && entry.timestamp_us <= limit
                };
                let entries = entries.iter().filter(fresh).inspect(|entry| {
                    self.read_up_to = self.read_up_to.max(entry.timestamp_us);
                });
                Reading::Value(entries.filter_map(sample).collect())
            }
        }
    }
}

/// `None` for an entry that cannot be: over 100 %, or of no process.
fn sample(entry: &ProcessUtilization) -> Option<UseSample> {
    let percent = |value: u32| u8::try_from(value).ok().filter(|value| *value <= 100);
    if entry.pid == 0 {
        return None;
    }
    Some(UseSample {
        pid: entry.pid,
        at: Timestamp(i64::try_from(entry.timestamp_us).ok()?),
        sm: percent(entry.sm)?,
        memory: percent(entry.memory)?,
        encoder: percent(entry.encoder)?,
        decoder: percent(entry.decoder)?,
    })
}
