//! What `--version` says: enough to know which build an answer came from.

use std::sync::LazyLock;

/// Commit of the build, where the builder gave it.
const COMMIT: Option<&str> = option_env!("GPULSE_COMMIT");

/// One line after the name: `0.1.0`.
pub(crate) const SHORT: &str = env!("CARGO_PKG_VERSION");

/// The version with commit, target and the numbers of the formats it writes.
pub(crate) fn details() -> &'static str {
    &DETAILS
}

static DETAILS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{SHORT}\ncommit:   {}\ntarget:   {}-{}\nbuild:    {}\nwho JSON: schema {}",
        COMMIT.unwrap_or("not recorded in this build"),
        std::env::consts::ARCH,
        std::env::consts::OS,
        if cfg!(debug_assertions) { "debug" } else { "release" },
        crate::commands::WHO_SCHEMA,
    )
});
