//! The session families on a page: the first seed's five, and ours.
//!
//! `SEED_METRICS` and `SESSION_METRICS` are the tables; the writers print them in that order.

use model::metric::{Kind, Metric, Unit};
use model::text::Writer;

use crate::view::View;

/// The first seed's five metrics.
pub const SEED_METRICS: &[Metric] = &[];

/// `gpu_session_*` and `gpu_device_*`.
pub const SESSION_METRICS: &[Metric] = &[];

/// Write the seed's five families.
pub fn write_seed(view: &View, out: &mut Writer) {
    let _ = (view, out, Kind::Gauge, Unit::None);
}

/// Write `gpu_session_*` and `gpu_device_*`.
pub fn write_sessions(view: &View, out: &mut Writer) {
    let _ = (view, out);
}
