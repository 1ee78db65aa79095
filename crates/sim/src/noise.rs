//! Hashes that stand in for chance: the same seed, entity and step always give the same number.

/// One well-mixed 64-bit word from another (the finaliser of `SplitMix64`).
#[must_use]
pub(crate) const fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A key that stands for (key, word).
#[must_use]
pub(crate) const fn with(key: u64, word: u64) -> u64 {
    mix(key ^ mix(word))
}

/// A key that stands for (key, text).
#[must_use]
pub(crate) fn with_text(key: u64, text: &str) -> u64 {
    text.bytes().fold(mix(key), |key, byte| with(key, u64::from(byte)))
}

/// Evenly spread in -1..1.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "53 bits are kept, which is what a double holds")]
pub(crate) const fn spread(key: u64) -> f64 {
    (key >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// 32 hex digits in the shape of a UUID of version 4.
#[must_use]
pub(crate) fn uuid(key: u64) -> String {
    let (high, low) = (mix(key), mix(key ^ 0xa5a5_5a5a_0f0f_f0f0));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// 64 hex digits, the shape of a container id.
#[must_use]
pub(crate) fn hex64(key: u64) -> String {
    (0..4).map(|part| format!("{:016x}", with(key, part))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_even_and_stays_in_its_bounds() {
        let values: Vec<f64> = (0..10_000).map(|step| spread(with(7, step))).collect();
        assert!(values.iter().all(|value| (-1.0..1.0).contains(value)));
        assert!((values.iter().sum::<f64>() / 10_000.0).abs() < 0.02);
    }

    #[test]
    fn ids_have_the_shape_that_programs_expect() {
        assert_eq!(uuid(1).len(), 36);
        assert_eq!(uuid(1).as_bytes()[14], b'4');
        assert_eq!(hex64(1).len(), 64);
        assert_ne!(uuid(1), uuid(2));
    }
}
