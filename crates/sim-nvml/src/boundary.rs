//! The edge between C and Rust: one shape for every exported function.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gpu::nvml::{Result, Return};
use sim::SimDriver;

use crate::library;

/// `NVML_SUCCESS`.
const SUCCESS: u32 = 0;

/// Answer one call on the initialised driver. Before `nvmlInit` it is UNINITIALIZED, whatever the
/// arguments are.
pub(crate) fn answer(work: impl FnOnce(&SimDriver) -> Result<()>) -> u32 {
    guard(|| work(&*library::driver()?))
}

/// Run one exported function. A panic is a mistake of ours and must not cross into C: UNKNOWN.
pub(crate) fn guard(work: impl FnOnce() -> Result<()>) -> u32 {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => SUCCESS,
        Ok(Err(code)) => code.0,
        Err(_) => Return::UNKNOWN.0,
    }
}

/// Exported functions that ask the driver: each has the C signature that its arguments say, and a
/// body that returns `Result<()>`.
macro_rules! exports {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident($driver:ident $(, $argument:ident: $kind:ty)* $(,)?) $body:block
    )*) => {$(
        $(#[$attribute])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($argument: $kind),*) -> u32 {
            $crate::boundary::answer(|$driver| $body)
        }
    )*};
}

pub(crate) use exports;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_unknown() {
        assert_eq!(guard(|| panic!("a mistake")), Return::UNKNOWN.0);
    }
}
