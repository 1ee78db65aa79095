//! What a driver's answer means: a reading, and whether the driver or the device is in trouble.

use model::{ErrorKind, Reading};

use super::Return;

/// Turn the result of a call into a reading.
pub(crate) fn reading<T>(result: super::Result<T>) -> Reading<T> {
    match result {
        Ok(value) => Reading::Value(value),
        Err(code) => refused(code),
    }
}

/// The reading that stands for an answer without value.
pub(crate) const fn refused<T>(code: Return) -> Reading<T> {
    match code {
        Return::NOT_SUPPORTED
        | Return::FUNCTION_NOT_FOUND
        | Return::NOT_FOUND
        | Return::ARGUMENT_VERSION_MISMATCH
        | Return::DEPRECATED => Reading::NotSupported,
        Return::NO_PERMISSION => Reading::Failed(ErrorKind::NoPermission),
        Return::GPU_IS_LOST | Return::RESET_REQUIRED | Return::GPU_NOT_FOUND => {
            Reading::Failed(ErrorKind::Lost)
        }
        Return::TIMEOUT => Reading::Failed(ErrorKind::Timeout),
        Return::UNINITIALIZED
        | Return::DRIVER_NOT_LOADED
        | Return::LIBRARY_NOT_FOUND
        | Return::LIB_RM_VERSION_MISMATCH => Reading::Failed(ErrorKind::DriverGone),
        Return::NO_DATA | Return::NOT_READY => Reading::Failed(ErrorKind::NotYet),
        Return::INSUFFICIENT_SIZE => Reading::Failed(ErrorKind::BadAnswer),
        _ => Reading::Failed(ErrorKind::Other),
    }
}

/// How bad an answer is for what follows; later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Trouble {
    /// Nothing to do.
    #[default]
    None,
    /// A handle is no longer valid: the layout is looked at again.
    Handle,
    /// The device is lost.
    Lost,
    /// The driver is gone: everything is closed.
    DriverGone(Return),
}

impl Trouble {
    /// What an answer says about driver and device.
    pub(crate) const fn of(code: Return) -> Self {
        match code {
            Return::UNINITIALIZED
            | Return::DRIVER_NOT_LOADED
            | Return::LIBRARY_NOT_FOUND
            | Return::LIB_RM_VERSION_MISMATCH => Self::DriverGone(code),
            Return::GPU_IS_LOST | Return::RESET_REQUIRED | Return::GPU_NOT_FOUND => Self::Lost,
            Return::INVALID_ARGUMENT | Return::INVALID_STATE | Return::NOT_FOUND => Self::Handle,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_symbol_is_not_supported_and_a_refusal_is_a_failure() {
        assert_eq!(refused::<u8>(Return::FUNCTION_NOT_FOUND), Reading::NotSupported);
        assert_eq!(refused::<u8>(Return::NO_PERMISSION), Reading::Failed(ErrorKind::NoPermission));
        assert_eq!(refused::<u8>(Return(4711)), Reading::Failed(ErrorKind::Other));
        assert_eq!(reading(Ok(3)), Reading::Value(3));
    }

    #[test]
    fn a_gone_driver_is_worse_than_a_lost_gpu() {
        assert!(Trouble::of(Return::DRIVER_NOT_LOADED) > Trouble::of(Return::GPU_IS_LOST));
        assert!(Trouble::of(Return::GPU_IS_LOST) > Trouble::of(Return::INVALID_ARGUMENT));
        assert_eq!(Trouble::of(Return::NOT_SUPPORTED), Trouble::None);
    }
}
