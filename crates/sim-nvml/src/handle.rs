//! Handles as C sees them: pointers that are never followed.
//!
//! NVML's handles are opaque pointers. Ours carry the simulated driver's number and, in the low
//! bits, what kind of handle it is: so none is null, and one of the wrong kind is an invalid
//! argument instead of some other object.

use gpu::nvml::{EventSet, GpmSample, GpuInstanceHandle, Handle, Result, Return};

/// Bits for the kind.
const KIND_BITS: u32 = 4;

/// A handle that a caller holds. Kept as a number: nobody may follow it.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opaque(usize);

/// A driver's handle that has a form for C.
pub(crate) trait Kind: Sized {
    /// Its mark in the low bits, above 0.
    const MARK: usize;
    fn number(self) -> usize;
    fn of_number(number: usize) -> Self;
}

impl Opaque {
    /// The form for C.
    pub(crate) fn of<K: Kind>(handle: K) -> Self {
        Self((handle.number() << KIND_BITS) | K::MARK)
    }

    /// The driver's handle, if it is of that kind.
    pub(crate) fn get<K: Kind>(self) -> Result<K> {
        let mark = self.0 & ((1 << KIND_BITS) - 1);
        if mark == K::MARK {
            Ok(K::of_number(self.0 >> KIND_BITS))
        } else {
            Err(Return::INVALID_ARGUMENT)
        }
    }

    /// As a member of one of NVML's structures.
    pub(crate) fn as_pointer<T>(self) -> *mut T {
        std::ptr::without_provenance_mut(self.0)
    }

    /// From a member of one of NVML's structures.
    pub(crate) fn from_pointer<T>(pointer: *mut T) -> Self {
        Self(pointer.addr())
    }
}

/// Handle of a compute instance, for which gpulse itself has no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ComputeHandle(pub(crate) usize);

macro_rules! kinds {
    ($($handle:ident = $mark:literal),*) => {$(
        impl Kind for $handle {
            const MARK: usize = $mark;
            fn number(self) -> usize {
                self.0
            }
            fn of_number(number: usize) -> Self {
                Self(number)
            }
        }
    )*};
}

kinds!(Handle = 1, GpuInstanceHandle = 2, GpmSample = 3, EventSet = 4, ComputeHandle = 5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_comes_back_and_one_of_another_kind_does_not() {
        let device = Opaque::of(Handle(0));
        assert_eq!(device.get::<Handle>(), Ok(Handle(0)));
        assert_eq!(device.get::<EventSet>(), Err(Return::INVALID_ARGUMENT));
        assert!(!device.as_pointer::<u8>().is_null());
        assert_eq!(Opaque(0).get::<Handle>(), Err(Return::INVALID_ARGUMENT));
    }
}
