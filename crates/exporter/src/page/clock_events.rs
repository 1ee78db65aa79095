//! Clock events on the page: samples within the window, by reason.

use model::text::Writer;

use super::device::{Entity, begin};
use crate::Snapshot;
use crate::fields::Listed;

/// DCGM_EXP_CLOCK_EVENTS_COUNT, by the number that dcgm-exporter uses inside.
pub(crate) const COUNT: u16 = 9002;
/// What it is made of.
pub(crate) const INPUTS: [u16; 1] = [crate::clock_events::REASONS];

/// One sample per reason that was seen; one 0 without reason when there was none.
pub(super) fn write(row: &Listed, snapshot: &Snapshot, entities: &[Entity<'_>], out: &mut Writer) {
    begin(row, out);
    let window = snapshot.windows.clock_events;
    let text = window.as_millis().to_string();
    for entity in entities {
        let counts = snapshot.clock_events.counts(&entity.gpu.uuid, snapshot.at, window);
        let Some(counts) = counts else { continue };
        if counts.is_empty() {
            let made = [("window_size_in_ms", text.as_str())];
            entity.made_sample(&row.name, &made, out, |line| line.integer(0));
        }
        for (word, count) in counts {
            let made = [("clock_event", word), ("window_size_in_ms", text.as_str())];
            entity.made_sample(&row.name, &made, out, |line| line.integer(count.into()));
        }
    }
}
