//! Windows of two hours, counted from the epoch: what one block holds, and what no chunk crosses.

/// Two hours.
pub(crate) const WINDOW_MS: i64 = 2 * 3_600_000;

/// A day: what blocks are put together to, and no further.
pub(crate) const DAY_MS: i64 = 12 * WINDOW_MS;

/// Where the window of a time begins.
#[inline]
pub(crate) fn start(time: i64) -> i64 {
    time.div_euclid(WINDOW_MS).saturating_mul(WINDOW_MS)
}
