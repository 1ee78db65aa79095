//! Queries over series in memory: kernels against plain computation, windows and their edges, bounds.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::tests_outside_test_module,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "a test program"
)]

mod bounds;
mod kernels;
mod memory;
mod plain;
mod slices;
mod windows;
