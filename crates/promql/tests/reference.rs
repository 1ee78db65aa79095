//! The reference page is what the tables say. A page that differed is rewritten, and the test fails so
//! that the change is seen.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test program")]

use std::fs;
use std::path::Path;

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/promql.md");
    let page = promql::reference::page();
    let before = fs::read_to_string(&path).unwrap_or_default();
    if before != page {
        fs::write(&path, page).unwrap();
        panic!("docs/reference/promql.md is rewritten, look at the difference");
    }
    assert!(before.lines().all(|line| line == line.trim_end()));
}
