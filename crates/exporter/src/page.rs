//! The page: device metrics as dcgm-exporter prints them, then sessions, then the exporter itself.
//!
//! Made from one snapshot and nothing else, so the same snapshot gives the same bytes. What can be
//! read is decided before; here an absent reading is an absent sample.

mod clock_events;
mod device;
mod holders;
mod own;
mod peers;
mod style;
mod weighted;
mod xid;

use model::text::Writer;

use crate::{Parts, Snapshot};

pub(crate) use clock_events::{COUNT as CLOCK_EVENTS, INPUTS as CLOCK_EVENT_INPUTS};
pub(crate) use device::push;
pub use own::OWN_METRICS;
pub use style::Style;
pub(crate) use weighted::INPUTS as WEIGHTED_INPUTS;
pub use xid::XID_METRICS;

/// Room for a page of 8 GPUs with some sessions; it grows where that is not enough.
const USUAL_BYTES: usize = 256 << 10;

/// The page of these parts.
#[must_use]
pub fn render(snapshot: &Snapshot, parts: Parts, style: &Style) -> String {
    let mut out = Writer::with_capacity(USUAL_BYTES);
    if parts.gpu {
        device::write(snapshot, style, &mut out);
        xid::write_counters(snapshot, &mut out);
    }
    if parts.sessions {
        session::exposition::write_seed(&snapshot.view, &mut out);
        session::exposition::write_sessions(&snapshot.view, &mut out);
    }
    if parts.own {
        own::write(snapshot, &mut out);
    }
    out.finish()
}

#[cfg(test)]
mod tests;
