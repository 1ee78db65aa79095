//! What test binaries print, read into counts.
//!
//! `cargo test -- --show-output` prints, after the list of tests, what each one said; a test that
//! could not run here says `skipped: <reason>`. Passing and failing are taken from libtest's own
//! closing line, so that a test which writes into the list cannot be miscounted.

/// What some test binaries said.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that ran and passed.
    pub passed: usize,
    /// Names of the tests that failed.
    pub failed: Vec<String>,
    /// Tests that could not run here, with the reason.
    pub skipped: Vec<Skip>,
}

/// One test that could not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    /// Its name.
    pub test: String,
    /// What it said.
    pub reason: String,
}

impl Tally {
    /// Add another's counts.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
    }

    /// `N passed, N failed, N skipped`.
    pub(crate) fn line(&self) -> String {
        let (failed, skipped) = (self.failed.len(), self.skipped.len());
        format!("{} passed, {failed} failed, {skipped} skipped", self.passed)
    }
}

/// Reads the output line by line.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    tally: Tally,
    part: Part,
    test: String,
    failures: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    List,
    Successes,
    Failures,
}

impl Reader {
    /// Take one line; true if it is worth showing.
    pub(crate) fn line(&mut self, line: &str) -> bool {
        match line {
            "successes:" => self.part = Part::Successes,
            "failures:" => self.part = Part::Failures,
            _ if line.starts_with("test result: ") => self.close(line),
            _ => return self.other(line),
        }
        line != "successes:"
    }

    /// The counts, at the end of the output.
    pub(crate) fn end(self) -> Tally {
        self.tally
    }

    fn other(&mut self, line: &str) -> bool {
        if let Some(name) = line.strip_prefix("---- ").and_then(|l| l.strip_suffix(" stdout ----"))
        {
            name.clone_into(&mut self.test);
        }
        match self.part {
            Part::List => !line.ends_with(" ... ok") && !line.is_empty(),
            Part::Successes => {
                self.skip(line);
                line.starts_with("skipped: ")
            }
            Part::Failures => {
                if let Some(name) = line.strip_prefix("    ") {
                    self.failures.push(name.to_owned());
                }
                true
            }
        }
    }

    fn skip(&mut self, line: &str) {
        let Some(reason) = line.strip_prefix("skipped: ") else { return };
        let (test, reason) = (self.test.clone(), reason.to_owned());
        let again = self.tally.skipped.last().is_some_and(|last| last.test == test);
        if !again {
            self.tally.skipped.push(Skip { test, reason });
            // It also counts as passed for libtest.
            self.tally.passed = self.tally.passed.wrapping_sub(1);
        }
    }

    fn close(&mut self, line: &str) {
        self.tally.passed = self.tally.passed.wrapping_add(count(line, " passed"));
        let failed = count(line, " failed");
        // The names stand last; what a failing test printed may look like one.
        let names = self.failures.split_off(self.failures.len().saturating_sub(failed));
        self.tally.failed.extend(names);
        self.failures.clear();
        self.part = Part::List;
    }
}

fn count(line: &str, word: &str) -> usize {
    let before = line.split(word).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 4 tests
test a::reads ... ok
test b::fails ... FAILED
test c::skips ... ok
test d::chatters ... ok

successes:

---- c::skips stdout ----
skipped: no GPU here
skipped: no second reason either

---- d::chatters stdout ----
we skipped: nothing

successes:
    a::reads
    c::skips

failures:

---- b::fails stdout ----
    left: 1
thread panicked

failures:
    b::fails

test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

running 1 test
test crates/x/src/lib.rs - f (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    fn read(output: &str) -> Tally {
        let mut reader = Reader::default();
        for line in output.lines() {
            reader.line(line);
        }
        reader.end()
    }

    #[test]
    fn passed_failed_and_skipped_are_told_apart() {
        let tally = read(OUTPUT);
        assert_eq!(tally.line(), "3 passed, 1 failed, 1 skipped");
        assert_eq!(tally.failed, ["b::fails"]);
        assert_eq!(tally.skipped[0].test, "c::skips");
        assert_eq!(tally.skipped[0].reason, "no GPU here");
    }

    #[test]
    fn passing_tests_and_their_words_are_not_shown_but_the_rest_is() {
        let mut reader = Reader::default();
        let shown: Vec<&str> = OUTPUT.lines().filter(|line| reader.line(line)).collect();
        assert!(shown.contains(&"test b::fails ... FAILED"));
        assert!(shown.contains(&"thread panicked"));
        assert!(!shown.contains(&"test a::reads ... ok"));
        assert!(!shown.contains(&"we skipped: nothing"));
    }
}
