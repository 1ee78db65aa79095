//! Numbers that look random and are the same for the same seed.

#[derive(Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635)
    }

    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn real(&mut self, low: f64, high: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
        let ratio = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        low + (high - low) * ratio
    }

    /// Seconds from the first to the second, both included.
    #[expect(clippy::cast_possible_truncation, reason = "of small numbers")]
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        #[expect(clippy::cast_precision_loss, reason = "of small numbers")]
        let drawn = self.real(low as f64, high as f64 + 1.0).floor() as i64;
        drawn.min(high)
    }

    pub(crate) fn chance(&mut self, ratio: f64) -> bool {
        self.real(0.0, 1.0) < ratio
    }

    pub(crate) fn seed(&mut self) -> u64 {
        self.next()
    }
}

/// Noise of a moment, -1 to 1.
pub(crate) fn noise(seed: u64, seconds: i64) -> f64 {
    Dice::new(seed ^ seconds.unsigned_abs().wrapping_mul(0x2545_f491_4f6c_dd1d)).real(-1.0, 1.0)
}
