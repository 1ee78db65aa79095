//! What came of asking for one figure: a value, not supported here, or failed now.
//!
//! Only a value becomes a sample. Sentinels, blank values and `N/A` are turned into readings inside
//! the source that met them; nobody past the `gpu` crate sees them.

/// One reading of one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading<T = f64> {
    /// Read now.
    Value(T),
    /// This device or driver does not have it: no sample, nothing in the log.
    #[default]
    NotSupported,
    /// It has it, and reading it failed: no sample, one more on the error counter.
    Failed(ErrorKind),
}

/// Why a reading failed: a closed set, fit for a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The caller may not read it.
    NoPermission,
    /// The device fell off the bus or was lost by the driver.
    Lost,
    /// The call did not return within its deadline.
    Timeout,
    /// The driver is not loaded, or its library does not match it.
    DriverGone,
    /// The answer made no sense: garbage, impossible sizes, broken text.
    BadAnswer,
    /// Nothing to give yet, such as a rate before its second sample.
    NotYet,
    /// Anything else the driver said.
    Other,
}

impl ErrorKind {
    /// The label value that stands for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoPermission => "no_permission",
            Self::Lost => "lost",
            Self::Timeout => "timeout",
            Self::DriverGone => "driver_gone",
            Self::BadAnswer => "bad_answer",
            Self::NotYet => "not_yet",
            Self::Other => "other",
        }
    }
}

impl<T> Reading<T> {
    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::NotSupported | Self::Failed(_) => None,
        }
    }

    /// The same reading by reference.
    pub fn as_ref(&self) -> Reading<&T> {
        match self {
            Self::Value(value) => Reading::Value(value),
            Self::NotSupported => Reading::NotSupported,
            Self::Failed(kind) => Reading::Failed(*kind),
        }
    }

    /// Change the value and keep the other cases.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Value(value) => Reading::Value(change(value)),
            Self::NotSupported => Reading::NotSupported,
            Self::Failed(kind) => Reading::Failed(kind),
        }
    }

    /// Go on to a second step that may have no reading of its own.
    pub fn and_then<U>(self, next: impl FnOnce(T) -> Reading<U>) -> Reading<U> {
        match self {
            Self::Value(value) => next(value),
            Self::NotSupported => Reading::NotSupported,
            Self::Failed(kind) => Reading::Failed(kind),
        }
    }

    /// Whether there is a value.
    pub fn is_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_value_has_a_value() {
        assert_eq!(Reading::Value(3).value(), Some(3));
        assert_eq!(Reading::<u8>::NotSupported.value(), None);
        assert_eq!(Reading::<u8>::Failed(ErrorKind::Lost).map(|v| v + 1).value(), None);
    }
}
