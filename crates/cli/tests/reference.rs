//! The reference pages are what the commands and tables say. A page that differed is rewritten, and
//! the test fails so that the change is seen.

#![cfg(test)]

use std::fs;
use std::path::Path;

#[test]
fn the_reference_pages_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    let mut rewritten = Vec::new();
    for page in cli::Page::ALL {
        let path = folder.join(page.file());
        let text = cli::page(page);
        if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, text).unwrap();
            rewritten.push(page.file());
        }
    }
    assert!(rewritten.is_empty(), "rewritten, look at the difference: {rewritten:?}");
}

#[test]
fn pages_hold_whole_tables_and_no_trailing_blanks() {
    for page in cli::Page::ALL {
        let text = cli::page(page);
        assert!(text.starts_with("# ") && text.ends_with('\n'));
        let mut columns = None;
        for line in text.lines() {
            assert_eq!(line.trim_end(), line, "{}", page.file());
            if !line.starts_with('|') {
                columns = None;
                continue;
            }
            let count = line.replace("\\|", "").matches('|').count();
            assert_eq!(*columns.get_or_insert(count), count, "{}: {line}", page.file());
        }
    }
}
