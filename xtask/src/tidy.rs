//! The structure of the code, as tables: who may import whom, what may stand where.
//!
//! Runs as a test and in `cargo xtask check`. Each fault names its place, the rule and where the
//! rule is written. What the compiler or clippy checks is not checked again here.

mod files;
mod imports;
mod links;

use std::fmt;
use std::path::Path;

use anyhow::Result;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// File or crate, with a line where there is one.
    pub place: String,
    /// What is wrong there.
    pub what: String,
    /// Where the rule is written.
    pub rule: &'static str,
}

impl Fault {
    fn new(place: impl Into<String>, what: impl Into<String>, rule: &'static str) -> Self {
        Self { place: place.into(), what: what.into(), rule }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.place, self.what, self.rule)
    }
}

/// Everything that breaks a rule, in the order of places.
pub(crate) fn faults(root: &Path) -> Result<Vec<Fault>> {
    let mut faults = imports::faults(root)?;
    faults.extend(files::faults(root)?);
    faults.extend(links::faults(root)?);
    faults.sort();
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let faults = faults(crate::workspace::root()).unwrap();
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "\n{}", lines.join("\n"));
    }
}
