//! What the end-to-end tests and `cargo xtask` share: starting programs, asking them over HTTP,
//! waiting for a condition, and saying why a test cannot run here.
//!
//! The programs under test come from the environment that `cargo xtask test` sets; without it each
//! test says so and counts as skipped.

pub mod answer;
pub mod capture;
pub mod child;
pub mod environment;
pub mod expressions;
pub mod gpu_history;
pub mod http;
pub mod kubernetes;
pub mod peers;
pub mod pod_resources;
pub mod prometheus;
pub mod remote_write;
pub mod wait;

/// End a test that cannot run here: prints `skipped: <reason>`, which `cargo xtask test` counts.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)*) => {{
        println!("skipped: {}", format_args!($($reason)*));
        return;
    }};
}

/// The value of a `Result` that says why a test cannot run here, or the end of the test.
#[macro_export]
macro_rules! or_skip {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(reason) => $crate::skip!("{reason}"),
        }
    };
}
