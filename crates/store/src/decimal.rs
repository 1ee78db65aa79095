//! Numbers as people write them: an integer and a power of ten. Readings have few decimals, and
//! integers pack far better than the bits of a float.
//!
//! Exact or not at all: a value that does not come back bit for bit is left as it is (NaNs, the
//! negative zero, numbers with more than 15 digits).

/// Largest exponent: beyond it nothing below 2^53 has a place before the point.
pub(crate) const MAX_EXPONENT: u8 = 15;

/// Powers of ten that are exact in a float.
const POWERS: [f64; MAX_EXPONENT as usize + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Integers from here on are not all floats: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The integer `m` with `m / 10^exponent == value`, bit for bit.
#[inline]
pub(crate) fn mantissa(value: f64, exponent: u8) -> Option<i64> {
    let scaled = (value * POWERS[usize::from(exponent)]).round_ties_even();
    if scaled.is_nan() || scaled.abs() >= EXACT {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 2^53")]
    let mantissa = scaled as i64;
    (number(mantissa, exponent).to_bits() == value.to_bits()).then_some(mantissa)
}

/// The float of a mantissa and an exponent.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "mantissas are below 2^53")]
pub(crate) fn number(mantissa: i64, exponent: u8) -> f64 {
    mantissa as f64 / POWERS[usize::from(exponent)]
}

/// The smallest exponent from `least` on with which this value is exact.
#[inline]
pub(crate) fn exponent(value: f64, least: u8) -> Option<u8> {
    if !value.is_finite() {
        return None;
    }
    (least..=MAX_EXPONENT).find(|exponent| mantissa(value, *exponent).is_some())
}

/// A column of values as mantissas of one exponent. Where a value has none, the mantissa before it
/// stands in, and the value is an exception.
#[derive(Debug, Default)]
pub(crate) struct Column {
    /// Of all mantissas.
    pub exponent: u8,
    /// One for each value.
    pub mantissas: Vec<i64>,
    /// Place and bits of values that are no decimals.
    pub exceptions: Vec<(usize, u64)>,
}

impl Column {
    /// Reads a column; false where so many values are no decimals that their bits pack better.
    pub(crate) fn read(&mut self, values: &(impl ExactSizeIterator<Item = f64> + Clone)) -> bool {
        let most = values.len() / 8 + 1;
        self.exponent = 0;
        while !self.try_read(values.clone(), most) {
            if self.exceptions.len() > most {
                return false;
            }
        }
        true
    }

    /// Fills with the present exponent. Where a value needs a larger one, that is taken, and it is
    /// to be tried again.
    fn try_read(&mut self, values: impl Iterator<Item = f64>, most: usize) -> bool {
        self.mantissas.clear();
        self.exceptions.clear();
        let mut before = 0;
        for (at, value) in values.enumerate() {
            if let Some(mantissa) = mantissa(value, self.exponent) {
                before = mantissa;
            } else if let Some(larger) =
                exponent(value, self.exponent + 1).filter(|larger| self.fits(*larger))
            {
                self.exponent = larger;
                return false;
            } else {
                self.exceptions.push((at, value.to_bits()));
                if self.exceptions.len() > most {
                    return false;
                }
            }
            self.mantissas.push(before);
        }
        true
    }

    /// Are all mantissas so far still exact with a larger exponent?
    fn fits(&self, larger: u8) -> bool {
        let from = self.exponent;
        self.mantissas.iter().all(|m| mantissa(number(*m, from), larger).is_some())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Column, exponent, mantissa, number};

    #[test]
    fn readings_have_few_decimals() {
        assert_eq!(exponent(71.0, 0), Some(0));
        assert_eq!(exponent(312.45, 0), Some(2));
        assert_eq!(mantissa(0.123_456, 6), Some(123_456));
        assert_eq!(exponent(f64::NAN, 0), None);
        assert_eq!(exponent(-0.0, 0), None);
        assert_eq!(exponent(1.0 / 3.0, 0), None);
        assert_eq!(exponent(1e300, 0), None);
    }

    #[test]
    fn one_odd_value_does_not_spoil_a_column() {
        let mut values = vec![0.25; 40];
        values[7] = f64::NAN;
        let mut column = Column::default();
        assert!(column.read(&values.iter().copied()));
        assert_eq!((column.exponent, column.mantissas[8]), (2, 25));
        assert_eq!(column.exceptions, [(7, f64::NAN.to_bits())]);
        assert!(!column.read(&[1.0 / 3.0, 2.0 / 3.0, 1.0 / 7.0].into_iter()));
    }

    #[test]
    fn a_large_counter_beside_a_fraction_stays_exact() {
        let values = [9_007_199_254_740_991.0, 0.000_000_1, 5.0];
        let mut column = Column::default();
        assert!(column.read(&values.into_iter()));
        assert_eq!(column.exceptions, [(1, 0.000_000_1f64.to_bits())]);
    }

    proptest! {
        #[test]
        fn a_mantissa_stands_for_its_value_only(bits in any::<u64>(), exponent in 0u8..16) {
            let value = f64::from_bits(bits);
            if let Some(mantissa) = mantissa(value, exponent) {
                prop_assert_eq!(number(mantissa, exponent).to_bits(), bits);
            }
        }
    }
}
